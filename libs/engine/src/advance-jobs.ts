import { Injectable } from '@nestjs/common';
import {
  type Commit,
  Database,
  type JobRecord,
  later,
  type LogLine,
  type NewExecution,
  type NewTask,
  type QueuedExecution,
  type Stores,
  type TaskRecord,
} from '@task-engine/database';
import { planTasks, type Plan } from '@task-engine/workflows';
import { EndGraphTasks } from './graph/end-graph-tasks';
import { isGraphTask } from './graph/graph-definition';
import { HintSender } from './hints';
import { EndRuns } from './runs/end-runs';
import { isRun } from './runs/run-definition';
import { JobEvents, lastTask, type JobEvent, type JobView } from './job-events';
import { JobViews } from './job-views';

export interface Advanced {
  executions: QueuedExecution[];
  deliveries: { id: string }[];
  /** Lanes in which a slot came free. */
  freed: number[];
  /** Lanes in which a job came to wait for a slot, because another has ended. */
  queued?: number[];
  /** A due time came to be that the leader may not know. */
  dueChanged?: boolean;
}

/** What a decision leaves to be written. */
interface Consequences {
  lines: LogLine[];
  events: { view: JobView; event: JobEvent }[];
}

interface Planned {
  view: JobView;
  plan: Plan;
}

/**
 * Takes started jobs one step on: queues the tasks whose needs are done, skips what does not apply, finishes jobs that are settled.
 * Says nothing twice: a second call for the same state finds nothing to do.
 */
@Injectable()
export class AdvanceJobs {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly events: JobEvents,
    private readonly endRuns: EndRuns,
    private readonly endGraphTasks: EndGraphTasks,
    private readonly hints: HintSender,
  ) {}

  /** Answers the lanes in which a slot came free. Jobs that are not started are left alone. */
  async run(jobIds: string[]): Promise<number[]> {
    const advanced = await this.database.transaction(async (stores) =>
      this.within(stores, await this.views.of(await stores.jobs.lockAll(jobIds), stores)),
    );
    const { freed, ...hints } = advanced;
    await this.hints.send(hints);
    return freed;
  }

  /**
   * The same inside a transaction of the caller, who holds the locks of the jobs and sends the hints after COMMIT. Brings the views up to
   * date with what it writes.
   * @param commit ends the transaction with it
   */
  async within(
    stores: Stores,
    views: JobView[],
    before: Partial<Consequences> = {},
    commit = later,
  ): Promise<Advanced> {
    const planned = this.plan(views.filter((view) => view.job.state === 'started'));
    const consequences = { lines: before.lines ?? [], events: before.events ?? [] };
    const skipped: string[] = [];
    const starting: NewExecution[] = [];
    const failing: Promise<void>[] = [];
    for (const { view, plan } of planned) {
      for (const task of named(view, plan.skip)) skipped.push(mark(task, 'skipped').id);
      for (const { name, error } of plan.fail) {
        for (const task of named(view, [name])) {
          failing.push(stores.tasks.failWaiting(mark(task, 'failed', error).id, error));
        }
      }
      for (const task of named(view, plan.start)) {
        mark(task, 'queued');
        starting.push({ taskId: task.id, jobId: task.jobId, queue: task.queue, cause: 'first' });
      }
    }
    const [queued] = await Promise.all([
      stores.tasks.queue(starting.map(({ taskId }) => taskId)),
      stores.tasks.skip(skipped),
      ...failing,
    ]);
    const moved = new Set(queued);
    const [executions, settled] = await Promise.all([
      stores.executions.insert(starting.filter(({ taskId }) => moved.has(taskId))),
      this.settle(stores, planned, consequences, commit),
    ]);
    return { executions, ...settled };
  }

  /**
   * Gives jobs that are being started (the caller has made the statement and need not have its answer) their tasks, in the states in
   * which they begin. @param commit ends the transaction with it
   */
  async begin(stores: Stores, jobs: JobRecord[], commit: Commit): Promise<Advanced> {
    const views = await this.views.withoutTasks(jobs, stores);
    for (const view of views) view.tasks = unwritten(view);
    const planned = this.plan(views);
    for (const { view, plan } of planned) {
      for (const task of named(view, plan.skip)) mark(task, 'skipped');
      for (const task of named(view, plan.start)) mark(task, 'queued');
      for (const { name, error } of plan.fail) for (const task of named(view, [name])) mark(task, 'failed', error);
    }
    const writing = stores.tasks.insert(views.flatMap(({ tasks }) => tasks as NewTask[]));
    const eventful = planned.filter(({ plan }) => plan.outcome || plan.fail.length > 0);
    if (eventful.length === 0) return { executions: (await commit(writing)).executions, deliveries: [], freed: [] };
    const written = await writing;
    const byJob = new Map(views.map((view) => [view.job.id, view]));
    for (const { id, jobId, ordinal } of written.tasks) byJob.get(jobId)!.tasks[ordinal]!.id = id;
    const started = new Set(written.tasks.map(({ jobId }) => jobId));
    const settling = eventful.filter(({ view }) => started.has(view.job.id));
    const settled = await this.settle(stores, settling, { lines: [], events: [] }, commit);
    return { executions: written.executions, ...settled };
  }

  private plan(views: JobView[]): Planned[] {
    return views.map((view) => ({
      view,
      plan: planTasks(view.definition, view.tasks, this.events.context(view.job)),
    }));
  }

  /** Finishes the jobs of which nothing is left to do, and writes what all of this has to say. */
  private async settle(
    stores: Stores,
    planned: Planned[],
    { lines, events }: Consequences,
    commit: Commit,
  ): Promise<Omit<Advanced, 'executions'>> {
    const settled = planned.filter(({ plan }) => plan.outcome);
    const completed: string[] = [];
    const failed: { id: string; error: string }[] = [];
    for (const { view, plan } of planned) {
      for (const { name, error } of plan.fail) {
        const task = view.tasks.find((candidate) => candidate.name === name)!;
        lines.push({
          jobId: view.job.id,
          taskId: task.id,
          severity: 'ERROR',
          progname: 'controller',
          message: `'${name}' failed: ${error}`,
        });
        events.push({ view, event: { kind: 'task', event: 'fail', task, message: error } });
      }
    }
    for (const { view, plan } of settled) {
      const about = { jobId: view.job.id, taskId: lastTask(view.tasks)?.id, progname: 'controller' as const };
      // the log of a graph task ends with what its command has said
      const say = (line: Pick<LogLine, 'message' | 'severity'>) =>
        isGraphTask(view.definition) ? undefined : lines.push({ ...about, ...line });
      if (plan.outcome?.state === 'completed') {
        completed.push(view.job.id);
        say({ message: 'job has completed successfully' });
        events.push({ view, event: { kind: 'job', state: 'completed' } });
      } else if (plan.outcome?.state === 'failed') {
        const { error } = plan.outcome;
        failed.push({ id: view.job.id, error });
        say({ severity: 'ERROR', message: `job has failed: ${error}` });
        events.push({ view, event: { kind: 'job', state: 'failed', error } });
      }
    }
    const runs = new Set(planned.filter(({ view }) => isRun(view.definition)).map(({ view }) => view.job.id));
    // Have answers to wait for; of a workflow's jobs they say so at once.
    const over = settled.map(({ view }) => view);
    const [ofRuns, told] = await Promise.all([this.endRuns.of(stores, over), this.endGraphTasks.tell(stores, over)]);
    const finishing = Promise.all([
      this.events.deliver(stores, events),
      stores.jobs.complete(completed),
      ...failed.map(({ id, error }) => stores.jobs.fail(id, error)),
      // a run has an output and a history of its own
      stores.jobLog.append(
        lines.filter(({ jobId }) => !runs.has(jobId)),
        { jobsLocked: true },
      ),
    ]);
    const [[deliveries], ofGraphs] = await commit(Promise.all([finishing, this.endGraphTasks.end(stores, over)]));
    return {
      deliveries: [...ofRuns.deliveries, ...told, ...deliveries],
      freed: [...settled.map(({ view }) => view.job.laneId), ...ofRuns.lanes],
      queued: ofGraphs.queued,
      dueChanged: ofGraphs.dueChanged,
    };
  }
}

/** The tasks of a job before they are written; their ids come from the database. */
function unwritten({ job, definition }: JobView): TaskRecord[] {
  return definition.tasks.map(({ name, queue }, ordinal) => ({
    id: '',
    jobId: job.id,
    ordinal,
    name,
    queue,
    state: 'waiting',
    tries: 0,
    lostLeases: 0,
    output: null,
    error: null,
  }));
}

function named(view: JobView, names: string[]): TaskRecord[] {
  return names.length === 0 ? [] : view.tasks.filter((task) => names.includes(task.name));
}

/** Keeps the picture in memory true to what is written. */
function mark(task: TaskRecord, state: TaskRecord['state'], error = task.error): TaskRecord {
  return Object.assign(task, { state, error });
}
