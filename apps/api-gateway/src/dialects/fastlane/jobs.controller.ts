import { Controller, Get, HttpCode, Inject, Post, Query, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { readJobUuid } from '@task-engine/dto';
import { ReadCommands, RetryCommand, StopCommand } from '@task-engine/engine';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyRequest } from 'fastify';
import { Address } from './addresses/addressed';
import type { Target } from './addresses/routes';
import { OperationRefused, refusalOf } from './errors';
import { FastlaneFilter } from './fastlane.filter';
import { JsonAnswers } from './json-answers.interceptor';
import { readPage } from './page-number';
import { presentJobDetails, presentJobSummary } from './presenters/job.presenter';
import { RequestLinks } from './request-links';
import { EXECUTIONS_PER_PAGE } from './vocabulary';

const NOT_FOUND = 'Job not found in task.';

/** Jobs: shown, stopped, run again. */
@Controller()
@UseFilters(FastlaneFilter)
@UseInterceptors(JsonAnswers)
export class JobsController {
  constructor(
    private readonly readCommands: ReadCommands,
    private readonly stopCommand: StopCommand,
    private readonly retryCommand: RetryCommand,
    private readonly links: RequestLinks,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  /** Its last executions; `page=2` the ones before them. */
  @Get('tasks/:task/jobs/:job')
  async find(@Req() request: FastifyRequest, @Address() target: Target, @Query('page') wanted: unknown) {
    const page = readPage(wanted);
    if (page === undefined)
      throw new OperationRefused(400, 'Executions pagination page param should be a positive integer.', 'get_job');
    // clients know the operation under this name
    const operation = 'get_task';
    const { task, uuid } = named(target, operation);
    const command = await this.readCommands.command(task, uuid);
    if (!command) throw new OperationRefused(404, NOT_FOUND, operation);
    const runs = await this.readCommands.runs(task, uuid, page, EXECUTIONS_PER_PAGE);
    return presentJobDetails(command, runs, this.links.of(request), this.configuration.FASTLANE_ENV_BLACKLIST);
  }

  @Post('tasks/:task/jobs/:job/stop')
  @HttpCode(200)
  stop(@Req() request: FastifyRequest, @Address() target: Target) {
    return this.change(request, target, 'stop_job', (task, uuid) => this.stopCommand.run(task, uuid));
  }

  @Post('tasks/:task/jobs/:job/retry')
  @HttpCode(200)
  retry(@Req() request: FastifyRequest, @Address() target: Target) {
    return this.change(request, target, 'retry_job', (task, uuid) => this.retryCommand.run(task, uuid));
  }

  private async change(
    request: FastifyRequest,
    target: Target,
    operation: string,
    verb: (task: string, uuid: string) => Promise<unknown>,
  ) {
    const { task, uuid } = named(target, operation);
    try {
      await verb(task, uuid);
    } catch (error) {
      throw refusalOf(error, operation, NOT_FOUND);
    }
    return presentJobSummary(task, uuid, this.links.of(request));
  }
}

function named({ task, job }: Target, operation: string): { task: string; uuid: string } {
  const uuid = readJobUuid(job!);
  if (uuid === undefined) throw new OperationRefused(404, NOT_FOUND, operation);
  return { task: task!, uuid };
}
