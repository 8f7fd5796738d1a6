import { Controller, Get, HttpCode, Param, Post, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { PullTasks, PullWorkers } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, type Answer, declined, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf, pathId } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, int64 } from '../json/decode';
import { WorkerCallers } from '../workers/worker-callers';
import { presentTask } from './task.presenter';

const RELEASE = { task_id: int64(), result: int64(), verification: int64() };

/** Clients look for `paused` in it. */
const PAUSED = 'A manager has paused you';

/** Workers take tasks and give them back. */
@Controller('task')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class AssignmentsController {
  constructor(
    private readonly tasks: PullTasks,
    private readonly callers: WorkerCallers,
    private readonly workers: PullWorkers,
  ) {}

  @Get('get/:project')
  async next(@Req() request: FastifyRequest, @Param('project') project: string): Promise<Answer> {
    const worker = await this.callers.require(request, 403);
    // what is remembered of it may be some seconds old
    if (worker.paused && (await this.workers.find(BigInt(worker.id)))?.paused) throw new Refusal(400, PAUSED);
    const answer = await this.tasks.next(worker, pathId(project, 'Invalid project id'));
    if ('task' in answer) return accepted({ task: presentTask(answer.task) });
    switch (answer.refused) {
      case 'unknown_project':
        throw new Refusal(404, 'Project not found');
      // by another gateway, just now
      case 'paused_worker':
        throw new Refusal(400, PAUSED);
      case 'rate':
        throw new Refusal(429, 'Too many requests', { rateLimitDelay: answer.delaySeconds });
      case 'none':
        // clients compare this text
        return declined('No task available');
    }
  }

  @Post('release')
  @HttpCode(200)
  async release(@Req() request: FastifyRequest): Promise<Answer> {
    const worker = await this.callers.require(request, 403);
    const { task_id: taskId, result, verification } = decode(bodyOf(request), RELEASE);
    if (taskId === 0n) throw new Refusal(400, 'Invalid request');
    const updated = await this.tasks.release(worker.id, taskId, result, verification);
    return accepted({ updated }, updated ? undefined : 'Task was not marked as closed');
  }
}
