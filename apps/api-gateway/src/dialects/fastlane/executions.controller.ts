import { Controller, Get, HttpCode, Post, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { readJobUuid } from '@task-engine/dto';
import { type CommandView, ReadCommands, StopRun } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { Address } from './addresses/addressed';
import type { Target } from './addresses/routes';
import { OperationRefused, refusalOf } from './errors';
import { FastlaneFilter } from './fastlane.filter';
import { JsonAnswers } from './json-answers.interceptor';
import { presentExecutionDetails, presentStoppedExecution } from './presenters/execution.presenter';
import { RequestLinks } from './request-links';

/** Executions: shown, stopped. */
@Controller()
@UseFilters(FastlaneFilter)
@UseInterceptors(JsonAnswers)
export class ExecutionsController {
  constructor(
    private readonly readCommands: ReadCommands,
    private readonly stopRun: StopRun,
    private readonly links: RequestLinks,
  ) {}

  @Get('tasks/:task/jobs/:job/executions/:execution')
  async find(@Req() request: FastifyRequest, @Address() target: Target) {
    const operation = 'get_job_execution';
    const { group, uuid } = await this.command(target, operation);
    const { job, execution } = target;
    const runUuid = readJobUuid(execution!);
    const run = runUuid === undefined ? undefined : await this.readCommands.run(group, uuid, runUuid);
    if (!run) throw new OperationRefused(404, `Job Execution (${execution}) not found in job (${job}).`, operation);
    return presentExecutionDetails(group, uuid, run, this.links.of(request));
  }

  @Post('tasks/:task/jobs/:job/executions/:execution/stop')
  @HttpCode(200)
  async stop(@Req() request: FastifyRequest, @Address() target: Target) {
    const operation = 'stop_job_execution';
    const { group, uuid } = await this.command(target, operation);
    const { job, execution } = target;
    const runUuid = readJobUuid(execution!);
    const notFound = `Job Execution (${execution}) not found in Job (${job}).`;
    if (runUuid === undefined) throw new OperationRefused(404, notFound, operation);
    try {
      await this.stopRun.run(group, uuid, runUuid);
    } catch (error) {
      throw refusalOf(error, operation, notFound);
    }
    return presentStoppedExecution(group, uuid, runUuid, this.links.of(request));
  }

  /** The job that the address names: which part of it is unknown has to be told. */
  private async command({ task, job }: Target, operation: string): Promise<CommandView> {
    const uuid = readJobUuid(job!);
    const command = uuid === undefined ? undefined : await this.readCommands.command(task!, uuid);
    if (!command) throw new OperationRefused(404, `Task (${task}) or Job (${job}) not found.`, operation);
    return command;
  }
}
