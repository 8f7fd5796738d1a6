import type { Readable } from 'node:stream';
import { Controller, Get, Res, UseFilters } from '@nestjs/common';
import { readJobUuid } from '@task-engine/dto';
import { ReadCommands, type RunView } from '@task-engine/engine';
import type { FastifyReply } from 'fastify';
import { Address } from './addresses/addressed';
import { HTML } from './addresses/html-page';
import type { Target } from './addresses/routes';
import { OperationRefused } from './errors';
import { FastlaneFilter } from './fastlane.filter';
import { presentExitCode, presentText } from './presenters/execution.presenter';
import { streamPage } from './live/stream-page';
import { streamOf } from './stream-of';

const JOB = 'tasks/:task/jobs/:job';
const EXECUTION = `${JOB}/executions/:execution`;
const OPERATION = 'retrieve_execution_details';

/** What an execution wrote, as text; and the pages that show it live. */
@Controller()
@UseFilters(FastlaneFilter)
export class TextsController {
  constructor(private readonly readCommands: ReadCommands) {}

  @Get([`${JOB}/stdout`, `${EXECUTION}/stdout`])
  stdout(@Address() target: Target, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.text(target, 'stdout', reply);
  }

  @Get([`${JOB}/stderr`, `${EXECUTION}/stderr`])
  stderr(@Address() target: Target, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.text(target, 'stderr', reply);
  }

  @Get([`${JOB}/logs`, `${EXECUTION}/logs`])
  logs(@Address() target: Target, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.text(target, 'logs', reply);
  }

  /** The page is there whatever it is asked for: it waits for what does not exist yet. */
  @Get([`${JOB}/stream`, `${EXECUTION}/stream`])
  stream(@Res({ passthrough: true }) reply: FastifyReply) {
    const { html, policy } = streamPage();
    void reply.type(HTML).header('content-security-policy', policy);
    return html;
  }

  private async text(
    target: Target,
    which: 'stdout' | 'stderr' | 'logs',
    reply: FastifyReply,
  ): Promise<string | Readable> {
    const run = await this.execution(target);
    void reply.type(HTML).header('fastlane-exit-code', presentExitCode(run));
    const text = presentText(run, which);
    if (typeof text === 'string') return text;
    void reply.header('content-length', text.bytes);
    return streamOf([text]);
  }

  /** The one that the address names, else the last. */
  private async execution({ task, job, execution }: Target): Promise<RunView> {
    const uuid = readJobUuid(job!);
    const command = uuid === undefined ? undefined : await this.readCommands.command(task!, uuid);
    if (!command) throw new OperationRefused(404, `Task (${task}) or Job (${job}) not found.`, OPERATION);
    const none = new OperationRefused(400, `No executions found in job (${job}).`, OPERATION);
    if (command.runCount === 0) throw none;
    if (execution === undefined) {
      const last = await this.readCommands.lastRun(task!, command.uuid);
      if (!last) throw none;
      return last;
    }
    const runUuid = readJobUuid(execution);
    const run = runUuid === undefined ? undefined : await this.readCommands.run(task!, command.uuid, runUuid);
    if (!run) throw new OperationRefused(400, 'No executions found in job with specified arguments.', OPERATION);
    return run;
  }
}
