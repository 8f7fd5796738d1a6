import { Injectable } from '@nestjs/common';
import { TaskFailure } from '@task-engine/domain';
import { JobEvents, type ClaimedWork, type Outcome } from '@task-engine/engine';
import { Log } from '@task-engine/platform';
import { ClientConfigurations, renderArguments } from '@task-engine/workflows';
import type { ExecutionContext, Executor } from './executors/executor';
import { throwIfAborted } from './executors/handler';
import { JobLogWriter } from './job-log-writer';
import { mayReport, type StopReason } from './leases';
import { Workspace } from './workspace';

/** The executors of this worker by what `uses` names. */
export class Executors extends Map<string, Executor> {}

/** Runs one claimed task to its outcome. */
@Injectable()
export class RunTask {
  constructor(
    private readonly executors: Executors,
    private readonly clients: ClientConfigurations,
    private readonly events: JobEvents,
    private readonly workspace: Workspace,
    private readonly jobLog: JobLogWriter,
    private readonly log: Log,
  ) {}

  /**
   * @param signal aborts with a StopReason
   * @param cleanUps gets what is to be done once the outcome is reported
   * @returns undefined when the lease is gone and there is nothing to report
   */
  async run(work: ClaimedWork, signal: AbortSignal, cleanUps: (() => Promise<void>)[]): Promise<Outcome | undefined> {
    const plan = work.definition.tasks.find((task) => task.name === work.task.name)!;
    const limit = plan.timeout > 0 ? timeLimit(plan.timeout) : undefined;
    const executor = this.executors.get(plan.uses);
    const workDir = this.workspace.path(work.job.id);
    if (!executor?.withoutFiles) await this.workspace.enter(work.job.id);
    try {
      throwIfAborted(signal);
      if (!executor) throw new TaskFailure(`No executor for '${plan.uses}' in this worker`, { retryable: false });
      const job = { ...this.events.context(work.job), workDir };
      const output = await executor.execute({
        jobId: work.job.id,
        taskId: work.task.id,
        executionId: work.executionId,
        cause: work.cause,
        token: work.token,
        onReported: (cleanUp) => cleanUps.push(cleanUp),
        taskName: work.task.name,
        workflow: work.job.workflow,
        client: work.job.client,
        clientConfiguration: this.clients.for(work.job.client),
        attempt: work.task.tries + 1,
        arguments: renderArguments(plan, work.tasks, job),
        workDir,
        signal: limit ? AbortSignal.any([signal, limit.signal]) : signal,
        log: (severity, message) =>
          this.jobLog.add({ jobId: work.job.id, taskId: work.task.id, severity, progname: 'worker', message }),
      } satisfies ExecutionContext);
      return { state: 'succeeded', output };
    } catch (error) {
      if (signal.aborted) return mayReport(signal.reason as StopReason) ? { state: 'released' } : undefined;
      if (limit?.signal.aborted)
        return { state: 'failed', error: `${plan.name}: not done within ${plan.timeout} s`, retryable: true };
      if (error instanceof TaskFailure) {
        const { message, retryable, output } = error;
        return { state: 'failed', error: message, retryable, output };
      }
      this.log.error({ err: error }, 'executor failed unexpectedly');
      return { state: 'failed', error: `${plan.name}: ${(error as Error).message}`, retryable: true };
    } finally {
      limit?.clear();
      if (!executor?.withoutFiles) await this.workspace.leave(work.job.id);
    }
  }
}

function timeLimit(seconds: number): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), seconds * 1_000);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}
