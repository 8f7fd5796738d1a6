import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@task-engine/domain';
import {
  type Commit,
  Database,
  type EndedExecution,
  type JobRecord,
  type Lease,
  type LogLine,
  type NewExecution,
  type Stores,
} from '@task-engine/database';
import { AdvanceJobs } from './advance-jobs';
import { graphBackoffSeconds, type GraphParameters, isGraphTask } from './graph/graph-definition';
import { happenedTo } from './graph/graph-events';
import { HintSender } from './hints';
import type { JobEvent, JobView } from './job-events';
import { JobViews } from './job-views';
import { type Happened, WebhookEvents } from './webhooks/webhook-events';

export type Outcome =
  | { state: 'succeeded'; output: JsonObject }
  /** `output`: what a task can tell although it failed. */
  | { state: 'failed'; error: string; retryable: boolean; output?: JsonObject }
  /** Handed back, at shutdown or because it was not begun: runs again elsewhere, and no try is counted. */
  | { state: 'released' };

export interface Report {
  lease: Lease;
  /** As it was claimed. */
  job: JobRecord;
  outcome: Outcome;
  /** Lines of the job log that belong before the report's own. */
  lines: LogLine[];
}

/**
 * Ends executions, decides what becomes of their tasks and takes their jobs on, all in one transaction: a job whose last task has
 * ended is finished with it. A report whose token is stale is refused and changes nothing.
 */
@Injectable()
export class ReportExecutions {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly advance: AdvanceJobs,
    private readonly webhookEvents: WebhookEvents,
    private readonly hints: HintSender,
  ) {}

  /** @returns in the order of the reports: true when it was taken, false when the lease was stale */
  async run(reports: Report[]): Promise<boolean[]> {
    const result = await this.database.transaction((stores, commit) => this.within(stores, commit, reports));
    await this.hints.send(result);
    return reports.map((report) => result.taken.has(report.lease.executionId));
  }

  private async within(stores: Stores, commit: Commit, reports: Report[]) {
    // What of a job never changes came with the claim; only what may have changed since is read.
    const claimed = new Map(reports.map(({ job }) => [job.id, job]));
    const [locked, ended] = await Promise.all([
      stores.jobs.lockStates([...claimed.keys()]),
      stores.executions.end(
        reports.map(({ lease, outcome }) => ({
          ...lease,
          state: outcome.state,
          error: outcome.state === 'failed' ? outcome.error : null,
        })),
      ),
    ]);
    const jobs = locked.map((now): JobRecord => Object.assign(claimed.get(now.id)!, now));
    const taken = new Set(ended.map((execution) => execution.id));
    const touched = new Set(ended.map((execution) => execution.task.jobId));
    const views = await this.views.of(
      jobs.filter((job) => touched.has(job.id)),
      stores,
      ended.map((execution) => execution.task),
    );
    const changes = decide(ended, views, reports);
    // nothing to wait for unless a graph task is to be tried again
    const told = await this.webhookEvents.deliver(stores, changes.happened);
    // Lines of a refused report are kept too: they tell what the worker did before it lost its lease.
    const refused = reports.filter((report) => !taken.has(report.lease.executionId));
    // None of these needs another's answer, so that all of them and COMMIT are one round trip.
    const written = [
      stores.jobLog.append(refused.flatMap((report) => report.lines)),
      stores.tasks.complete(changes.completed),
      stores.tasks.fail(changes.failed),
      stores.tasks.retry(changes.released, false),
      stores.tasks.retry(changes.retried, true),
      stores.graphTasks.backOff(changes.backingOff),
      stores.graphTasks.beginAnew(changes.anew),
    ];
    const [repeated, advanced] = await Promise.all([
      stores.executions.insert(changes.repeats),
      this.advance.within(stores, views, changes, commit),
      ...written,
    ]);
    return {
      ...advanced,
      taken,
      executions: [...repeated, ...advanced.executions],
      deliveries: [...told, ...advanced.deliveries],
      freed: [...changes.backingOff.map(({ laneId }) => laneId), ...advanced.freed],
      dueChanged: advanced.dueChanged || changes.backingOff.length > 0,
    };
  }
}

interface Changes {
  completed: { id: string; output: JsonObject }[];
  failed: { id: string; error: string }[];
  released: string[];
  retried: string[];
  repeats: NewExecution[];
  /** Jobs of graph tasks that wait for their next try without a slot. */
  backingOff: { id: string; laneId: number; seconds: number }[];
  /** Those that were handed back: what is shown as their start is that of the next worker. */
  anew: string[];
  lines: LogLine[];
  events: { view: JobView; event: JobEvent }[];
  happened: Happened[];
}

/** What becomes of each task; the views are brought up to date. */
function decide(ended: EndedExecution[], views: JobView[], reports: Report[]): Changes {
  const byJob = new Map(views.map((view) => [view.job.id, view]));
  const byExecution = new Map(reports.map((report) => [report.lease.executionId, report]));
  const changes: Changes = {
    completed: [],
    failed: [],
    released: [],
    retried: [],
    repeats: [],
    backingOff: [],
    anew: [],
    lines: [],
    events: [],
    happened: [],
  };
  for (const execution of ended) {
    const { outcome, lines } = byExecution.get(execution.id)!;
    const view = byJob.get(execution.task.jobId)!;
    const task = view.tasks.find((candidate) => candidate.id === execution.task.id)!;
    const about = { jobId: task.jobId, taskId: task.id, progname: 'worker' as const };
    const repeat = { taskId: task.id, jobId: task.jobId, queue: execution.queue, parked: view.job.state !== 'started' };
    const ofGraph = isGraphTask(view.definition);
    // what a graph task's log says is its command's, but for what went wrong around it
    const say = (message: string, severity?: LogLine['severity']) =>
      ofGraph ? undefined : changes.lines.push({ ...about, message, severity });
    changes.lines.push(...lines);
    if (outcome.state === 'released') {
      task.state = 'queued';
      changes.released.push(task.id);
      changes.repeats.push({ ...repeat, cause: 'released', lastChance: execution.lastChance });
      if (ofGraph) changes.anew.push(task.jobId);
      say(`'${task.name}' was handed back by its worker`);
    } else if (outcome.state === 'succeeded') {
      Object.assign(task, { state: 'completed', output: outcome.output, error: null });
      changes.completed.push({ id: task.id, output: outcome.output });
      say(`'${task.name}' completed successfully`);
      changes.events.push({ view, event: { kind: 'task', event: 'complete', task } });
    } else {
      const { error } = outcome;
      const retry = retryOf(view, execution, outcome);
      if (retry && ofGraph) {
        task.state = 'queued';
        changes.retried.push(task.id);
        // the job waits without a slot, and what is parked goes on when it gets one again
        changes.repeats.push({ ...repeat, cause: 'retry', parked: true, lastChance: execution.lastChance });
        const message = `${error}. Retry ${retry.number} of ${retry.limit} in ${retry.delay.toFixed(1)} s`;
        changes.lines.push({ ...about, message, severity: 'WARN' });
        changes.happened.push(happenedTo(view.job, 'task.retrying', { status: 'pending' }));
        if (view.job.state === 'started') {
          changes.backingOff.push({ id: view.job.id, laneId: view.job.laneId, seconds: retry.delay });
          view.job.state = 'scheduled';
        }
      } else if (retry) {
        task.state = 'queued';
        changes.retried.push(task.id);
        changes.repeats.push({
          ...repeat,
          cause: 'retry',
          delaySeconds: retry.delay,
          lastChance: execution.lastChance,
        });
        say(`'${task.name}' failed: ${error}. Retry ${retry.number} of ${retry.limit} in ${retry.delay} s`, 'WARN');
      } else {
        Object.assign(task, { state: 'failed', error, output: outcome.output ?? null });
        changes.failed.push({ id: task.id, error });
        say(`'${task.name}' failed: ${error}`, 'ERROR');
        changes.events.push({ view, event: { kind: 'task', event: 'fail', task, message: error } });
      }
    }
  }
  return changes;
}

/**
 * Whether a failed try is repeated: limit and delay are the graph task's, the task's own, or the lane's settings, as they are now
 * (limit n means n + 1 tries, reference/task-engine.md B3).
 */
function retryOf(
  view: JobView,
  execution: EndedExecution,
  outcome: { retryable: boolean },
): { number: number; limit: number; delay: number } | undefined {
  const { name, tries } = execution.task;
  if (!outcome.retryable) return undefined;
  if (isGraphTask(view.definition)) {
    const { maxRetries } = view.job.parameters as unknown as GraphParameters;
    return tries >= maxRetries
      ? undefined
      : { number: tries + 1, limit: maxRetries, delay: graphBackoffSeconds(tries) };
  }
  const own = view.definition.tasks.find((task) => task.name === name)?.retries;
  const limit = own?.limit ?? execution.retryLimit;
  const delay = own?.delay ?? execution.retryDelaySeconds;
  if (tries >= limit) return undefined;
  return { number: tries + 1, limit, delay };
}
