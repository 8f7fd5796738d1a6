import { Controller, HttpCode, Patch, Post, Put, Req, UseFilters, UseGuards } from '@nestjs/common';
import { DomainError, type JsonObject } from '@task-engine/domain';
import { readDto, readFlag, SubmitJobDto, SubmittedJobDto } from '@task-engine/dto';
import { PushJobs, RerunJob, SubmitJob, SubmitOnce, type Submitted, UpdateJob } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { idempotencyKey } from '../../http/idempotency-key';
import { receivedBody } from '../../http/received-body';
import { ClientGuard } from './client.guard';
import { jobChanges } from './job-changes';
import { loggedRequest, requestLog } from './request-log';
import { JobId, JsonBody } from './request-parts';
import { TaskEngineFilter } from './task-engine.filter';
import { CurrentTenant, type Tenant } from './tenant';

/** What clients ask of jobs: submit, change, run again. */
@Controller()
@UseFilters(TaskEngineFilter)
@UseGuards(ClientGuard)
export class JobRequestsController {
  constructor(
    private readonly submitJob: SubmitJob,
    private readonly submitOnce: SubmitOnce,
    private readonly updateJob: UpdateJob,
    private readonly rerunJob: RerunJob,
    private readonly pushJobs: PushJobs,
  ) {}

  @Post('job')
  @HttpCode(200)
  async submit(@CurrentTenant() client: Tenant, @JsonBody() body: object, @Req() request: FastifyRequest) {
    const key = idempotencyKey(request);
    const { job = {}, parameters } = readDto(SubmitJobDto, body);
    const { workflow, priority, run_at, semaphore_url, sempahore_url, persist } = readDto(SubmittedJobDto, job, 'job.');
    const submitted: Submitted = {
      client,
      workflow,
      parameters,
      priority,
      runAt: run_at,
      semaphoreUrl: semaphore_url ?? sempahore_url,
      persist: readFlag(persist) ?? false,
      requestLog: requestLog(loggedRequest(request, body)),
    };
    const { id } = await (key === undefined
      ? this.submitJob.run(submitted)
      : this.submitOnce.run(key, body as JsonObject, submitted));
    return { id, result: 'accepted' };
  }

  @Put('jobs/:id')
  async update(@CurrentTenant() client: Tenant, @JobId() id: string, @JsonBody() body: object) {
    const { changes, names } = jobChanges(body);
    if (names.length === 0)
      throw new DomainError(
        'invalid_parameter',
        'No updatable field: give queue_state, run_at, priority or semaphore_url',
      );
    await this.updateJob.run({ clientId: client.id, jobId: id, changes });
    return { id, result: `Performed updates: ${names.join(', ')}` };
  }

  /** The route of the 2020 edition. */
  @Put('job/:id')
  updateOfOldEdition(@CurrentTenant() client: Tenant, @JobId() id: string, @JsonBody() body: object) {
    return this.update(client, id, body);
  }

  /** The route of the editions after these two. */
  @Patch('jobs/:id')
  updateOfLaterEditions(@CurrentTenant() client: Tenant, @JobId() id: string, @JsonBody() body: object) {
    return this.update(client, id, body);
  }

  @Post('jobs/:id/rerun')
  @HttpCode(200)
  async rerun(@CurrentTenant() client: Tenant, @JobId() jobId: string, @Req() request: FastifyRequest) {
    const body = receivedBody(request)?.json({ anyType: true });
    const { id } = await this.rerunJob.run({ client, jobId, requestLog: requestLog(loggedRequest(request, body)) });
    return { id, result: 'accepted' };
  }

  /** Needs no body; one that is there has to be JSON. */
  @Post('push_jobs')
  @HttpCode(200)
  async push(@Req() request: FastifyRequest) {
    receivedBody(request)?.json({ anyType: true });
    await this.pushJobs.run();
    return { result: 'ok' };
  }
}
