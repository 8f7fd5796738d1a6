import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@task-engine/domain';
import {
  Database,
  type EndedExecution,
  type Lease,
  type LogLine,
  type QueuedExecution,
  type Stores,
} from '@task-engine/database';
import { HintSender } from './hints';
import { JobEvents, type JobEvent, type JobView } from './job-events';
import { JobViews } from './job-views';

export type Outcome =
  | { state: 'succeeded'; output: JsonObject }
  | { state: 'failed'; error: string; retryable: boolean }
  /** Handed back at shutdown: runs again elsewhere, and no try is counted. */
  | { state: 'released' };

export interface Report {
  lease: Lease;
  outcome: Outcome;
  /** Lines of the job log that belong before the report's own. */
  lines: LogLine[];
}

/** Ends executions and decides what becomes of their tasks. A report whose token is stale is refused and changes nothing. */
@Injectable()
export class ReportExecutions {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly events: JobEvents,
    private readonly hints: HintSender,
  ) {}

  /** @returns in the order of the reports: true when it was taken, false when the lease was stale */
  async run(reports: Report[]): Promise<boolean[]> {
    const result = await this.database.transaction((stores) => this.within(stores, reports));
    await this.hints.send(result);
    const taken = new Set(result.taken);
    return reports.map((report) => taken.has(report.lease.executionId));
  }

  private async within(stores: Stores, reports: Report[]) {
    const ended = await stores.executions.end(
      reports.map(({ lease, outcome }) => ({
        ...lease,
        state: outcome.state,
        error: outcome.state === 'failed' ? outcome.error : null,
      })),
    );
    const views = await this.views.of(
      await stores.jobs.findAll([...new Set(ended.map((execution) => execution.jobId))]),
      stores,
    );
    const byJob = new Map(views.map((view) => [view.job.id, view]));
    const byExecution = new Map(reports.map((report) => [report.lease.executionId, report]));

    const lines: LogLine[] = [];
    const events: { view: JobView; event: JobEvent }[] = [];
    const executions: QueuedExecution[] = [];
    const completed: { id: string; output: JsonObject }[] = [];
    const advance: { jobId: string; because: string }[] = [];
    let dueChanged = false;
    for (const execution of ended) {
      const { outcome, lines: said } = byExecution.get(execution.id)!;
      const view = byJob.get(execution.jobId)!;
      const task = view.tasks.find((candidate) => candidate.id === execution.taskId)!;
      const about = {
        jobId: execution.jobId,
        taskId: execution.taskId,
        progname: 'worker' as const,
      };
      lines.push(...said);
      if (outcome.state === 'released') {
        await stores.tasks.retry(task.id, false);
        executions.push(...(await stores.executions.insert([queued(execution)], 'released')));
        lines.push({
          ...about,
          message: `'${task.name}' was handed back by a worker that shuts down`,
        });
      } else if (outcome.state === 'succeeded') {
        task.output = outcome.output;
        completed.push({ id: task.id, output: outcome.output });
        lines.push({
          ...about,
          message: `'${task.name}' completed successfully`,
        });
        events.push({ view, event: { kind: 'task', event: 'complete', task } });
        advance.push({ jobId: execution.jobId, because: execution.id });
      } else {
        const retry = retryOf(view, execution, outcome);
        if (retry) {
          await stores.tasks.retry(task.id, true);
          const repeat = await stores.executions.insert([queued(execution)], 'retry', retry.delay);
          // A delayed one is hinted by the leader when its time comes.
          if (retry.delay === 0) executions.push(...repeat);
          else dueChanged = true;
          lines.push({
            ...about,
            severity: 'WARN',
            message: `'${task.name}' failed: ${outcome.error}. Retry ${retry.number} of ${retry.limit} in ${retry.delay} s`,
          });
        } else {
          await stores.tasks.fail(task.id, outcome.error);
          lines.push({
            ...about,
            severity: 'ERROR',
            message: `'${task.name}' failed: ${outcome.error}`,
          });
          events.push({
            view,
            event: {
              kind: 'task',
              event: 'fail',
              task,
              message: outcome.error,
            },
          });
          advance.push({ jobId: execution.jobId, because: execution.id });
        }
      }
    }
    await stores.tasks.complete(completed);
    // Lines of a refused report are kept too: they tell what the worker did before it lost its lease.
    const refused = reports.filter((report) => !ended.some((execution) => execution.id === report.lease.executionId));
    await stores.jobLog.append([...lines, ...refused.flatMap((report) => report.lines)]);
    const deliveries = await this.events.deliver(stores, events);
    return {
      taken: ended.map((execution) => execution.id),
      executions,
      deliveries,
      advance,
      dueChanged,
    };
  }
}

function queued(execution: EndedExecution): {
  taskId: string;
  jobId: string;
  queue: string;
} {
  return {
    taskId: execution.taskId,
    jobId: execution.jobId,
    queue: execution.queue,
  };
}

/**
 * Whether a failed try is repeated: limit and delay are the task's own or the lane's settings, as they are now
 * (limit n means n + 1 tries, reference/task-engine.md B3).
 */
function retryOf(
  view: JobView,
  execution: EndedExecution,
  outcome: { retryable: boolean },
): { number: number; limit: number; delay: number } | undefined {
  const own = view.definition.tasks.find((task) => task.name === execution.taskName)?.retries;
  const limit = own?.limit ?? execution.retryLimit;
  const delay = own?.delay ?? execution.retryDelaySeconds;
  if (!outcome.retryable || execution.tries >= limit) return undefined;
  return { number: execution.tries + 1, limit, delay };
}
