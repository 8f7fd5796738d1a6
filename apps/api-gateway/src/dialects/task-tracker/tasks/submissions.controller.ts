import { Controller, HttpCode, Post, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { type NewPullTask, PullTasks, type PullWorker, type SubmitRefusal } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, list, ParseFault } from '../json/decode';
import { WorkerCallers } from '../workers/worker-callers';
import { newTask, SUBMISSION } from './task-submission';

const BULK = { requests: list(SUBMISSION) };

/** Workers hand in tasks. */
@Controller('task')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class SubmissionsController {
  constructor(
    private readonly tasks: PullTasks,
    private readonly callers: WorkerCallers,
  ) {}

  @Post('submit')
  @HttpCode(200)
  async submit(@Req() request: FastifyRequest) {
    const worker = await this.callers.require(request, 401);
    const submission = decode(bodyOf(request), SUBMISSION);
    const task = newTask(submission);
    if (!task) throw new Refusal(400, 'Invalid task');
    const [id] = await this.store(worker, submission.project, [task]);
    return accepted({ id });
  }

  @Post('bulk_submit')
  @HttpCode(200)
  async submitAll(@Req() request: FastifyRequest) {
    const worker = await this.callers.require(request, 401);
    const { requests } = decode(bodyOf(request), BULK);
    const [first] = requests;
    if (!first) throw new ParseFault('no tasks');
    const tasks = requests.map(newTask);
    if (!tasks.every((task) => task !== undefined)) throw new Refusal(400, 'Invalid request');
    if (requests.some(({ project }) => project !== first.project))
      throw new Refusal(400, 'All the tasks in a bulk submit must be of the same project');
    const nothingStored = (index: number) => `requests[${index}], nothing was stored: `;
    return accepted({ ids: await this.store(worker, first.project, tasks, nothingStored) });
  }

  /**
   * @param prefix of a message about one of several tasks
   * @throws Refusal
   */
  private async store(
    worker: PullWorker,
    project: bigint,
    tasks: NewPullTask[],
    prefix: (index: number) => string = () => '',
  ): Promise<bigint[]> {
    const answer = await this.tasks.submit(worker, project, tasks);
    if ('refused' in answer) throw refusalOf(answer, tasks, prefix);
    return answer.ids.map(BigInt);
  }
}

function refusalOf(answer: SubmitRefusal, tasks: NewPullTask[], prefix: (index: number) => string): Refusal {
  switch (answer.refused) {
    case 'unknown_project':
      return new Refusal(404, 'Project not found');
    case 'rate':
      return new Refusal(429, 'Too many requests', { rateLimitDelay: answer.delaySeconds });
    case 'unauthorized':
      return new Refusal(400, 'unauthorized task submit');
    case 'duplicate_hash':
      return new Refusal(
        400,
        `${prefix(answer.index)}pq: duplicate key value violates unique constraint "project_hash_unique"`,
      );
    case 'out_of_range': {
      const { maxAssignSeconds } = tasks[answer.index]!;
      return new Refusal(
        400,
        `${prefix(answer.index)}pq: value "${maxAssignSeconds}" is out of range for type integer`,
      );
    }
  }
}
