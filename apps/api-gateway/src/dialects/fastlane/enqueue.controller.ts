import { Controller, HttpCode, Inject, Post, Put, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import type { Json } from '@task-engine/domain';
import { readJobUuid } from '@task-engine/dto';
import { EnqueueCommand } from '@task-engine/engine';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import { digestOf } from '@task-engine/workflows';
import type { FastifyRequest } from 'fastify';
import { idempotencyKey } from '../../http/idempotency-key';
import { Address } from './addresses/addressed';
import type { Target } from './addresses/routes';
import { TextRefused } from './errors';
import { FastlaneFilter } from './fastlane.filter';
import { JsonAnswers } from './json-answers.interceptor';
import { callerAddress } from './payload/caller-address';
import { commandRequest } from './payload/command-request';
import { jsonBody } from './payload/json-body';
import { presentEnqueued } from './presenters/job.presenter';
import { RequestLinks } from './request-links';

/** Characters of a task's name: what an index of the database holds, whatever the characters are. */
const MAX_TASK_LENGTH = 500;

/** Jobs are made and changed. */
@Controller()
@UseFilters(FastlaneFilter)
@UseInterceptors(JsonAnswers)
export class EnqueueController {
  constructor(
    private readonly enqueueCommand: EnqueueCommand,
    private readonly links: RequestLinks,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  @Post('tasks/:task')
  @HttpCode(200)
  create(@Req() request: FastifyRequest, @Address() { task }: Target) {
    return this.enqueue(request, task!, undefined);
  }

  @Put('tasks/:task/jobs/:job')
  createOrUpdate(@Req() request: FastifyRequest, @Address() { task, job }: Target) {
    const uuid = readJobUuid(job!);
    if (uuid === undefined) throw new TextRefused(`The job_id ${job} is not a valid UUID4. All job IDs must be UUID4.`);
    return this.enqueue(request, task!, uuid);
  }

  private async enqueue(request: FastifyRequest, group: string, uuid: string | undefined) {
    const body = jsonBody(request, 'Failed to enqueue task because JSON body could not be parsed.');
    const command = commandRequest(body, {
      group,
      requestedFrom: callerAddress(request),
      hardTimeoutSeconds: this.configuration.FASTLANE_HARD_TIMEOUT_SECONDS,
      now: new Date(),
    });
    if (group.length > MAX_TASK_LENGTH)
      throw new TextRefused(`The task_id must have at most ${MAX_TASK_LENGTH} characters.`);
    const key = idempotencyKey(request);
    const enqueued = await this.enqueueCommand.run(command, {
      uuid,
      // the same key for another task or job is another request, too
      idempotencyKey:
        key === undefined
          ? undefined
          : { key, fingerprint: digestOf({ group, uuid: uuid ?? null, body: body as Json }) },
    });
    return presentEnqueued(group, enqueued, this.links.of(request));
  }
}
