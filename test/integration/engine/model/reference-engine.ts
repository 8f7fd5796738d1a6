import type { ExecutionState, JobState, TaskState } from '@task-engine/domain';
import type { Changes, ClientName, Operation } from './operations';

export interface ModelExecution {
  task: ModelTask;
  state: ExecutionState;
  cause: 'first' | 'retry' | 'lease_lost' | 'released';
  /** Its retry delay is over. */
  due: boolean;
}

export interface ModelTask {
  state: TaskState;
  tries: number;
  lostLeases: number;
  /** Was claimed before. */
  begun: boolean;
}

/** Leases that a task may lose before it fails. */
const POISON = 3;

export class ModelJob {
  tasks: ModelTask[] = [];
  /** In the order in which they came to be. */
  readonly executions: ModelExecution[] = [];
  /** States in their order. */
  readonly path: JobState[] = [];
  /** Events told to its endpoint, in their order. */
  readonly told: string[] = [];
  position = 1;
  topOfQueue = false;
  /** Held a slot before. */
  begun = false;
  /** Its semaphore has to say yes (again) before it may start. */
  asks: boolean;

  constructor(
    readonly number: number,
    readonly client: ClientName,
    readonly steps: number,
    public priority: number,
    /** Its run_at has come. */
    public due: boolean,
    /** Has one, whatever it answered. */
    public semaphore: boolean,
    readonly endpoint: boolean,
    readonly rerunOf: number | null,
  ) {
    this.asks = semaphore;
    this.enter(!due || semaphore ? 'scheduled' : 'queued');
  }

  get state(): JobState {
    return this.path.at(-1)!;
  }

  get isOpen(): boolean {
    return !['completed', 'failed', 'broken'].includes(this.state);
  }

  enter(state: JobState): void {
    this.path.push(state);
  }

  tell(event: string): void {
    if (this.endpoint) this.told.push(event);
  }

  tellOf(task: ModelTask, event: string): void {
    this.tell(`${event} ${this.tasks.indexOf(task) + 1}`);
  }

  queue(task: ModelTask, cause: ModelExecution['cause'], due = true): void {
    task.state = 'queued';
    this.executions.push({ task, state: 'queued', cause, due });
  }
}

export type Refusal = { refused: 'not_found' | 'illegal_transition' };

/**
 * What the engine promises, in memory and one operation after the other: no rows, no locks, no time. Written from the documents, not
 * from the engine's code. Each operation answers what the engine's verb must answer.
 */
export class ReferenceEngine {
  readonly jobs: ModelJob[] = [];
  readonly settings = { max_jobs: 2, priority_slots: 0, priority_threshold: 5, retry_limit: 3, retry_delay: 0 };
  readonly caps = new Map<ClientName, number>();
  paused = false;

  apply(operation: Operation): unknown {
    switch (operation.kind) {
      case 'submit': {
        const { client, steps, priority, later, semaphore, endpoint } = operation;
        const job = new ModelJob(this.jobs.length, client, steps, priority, !later, semaphore, endpoint, null);
        this.jobs.push(job);
        return undefined;
      }
      case 'admit':
        return this.admit();
      case 'explain':
        return this.explain();
      case 'release_due':
        return this.releaseDue();
      case 'setting':
        this.settings[operation.name] = operation.value;
        return undefined;
      case 'cap':
        if (operation.value === null) this.caps.delete(operation.client);
        else this.caps.set(operation.client, operation.value);
        return undefined;
      case 'pause_lane':
        this.paused = operation.paused;
        return undefined;
      default:
        return this.ofJob(operation, this.jobs[operation.job]!);
    }
  }

  private ofJob(operation: Extract<Operation, { job: number }>, job: ModelJob): unknown {
    switch (operation.kind) {
      case 'advance':
        return this.advance(job);
      case 'claim':
        return claim(job);
      case 'make_due':
        job.due = true;
        return undefined;
      case 'rank':
        job.topOfQueue = operation.topOfQueue;
        job.position = operation.position;
        return undefined;
      case 'probe':
        return this.probe(job, operation.open);
      case 'rerun':
        return operation.client === job.client ? this.rerun(job) : { refused: 'not_found' };
      case 'update':
        return operation.client === job.client ? this.update(job, operation.changes) : { refused: 'not_found' };
      default:
        return this.ofExecution(operation, job, job.executions[operation.execution]);
    }
  }

  private ofExecution(
    operation: Extract<Operation, { execution: number }>,
    job: ModelJob,
    execution: ModelExecution | undefined,
  ): unknown {
    switch (operation.kind) {
      case 'ripen':
        if (execution) execution.due = true;
        return undefined;
      case 'expire':
        return execution !== undefined && this.expire(job, execution);
      case 'heartbeat':
        return execution?.state === 'running' && !operation.stale;
      case 'report':
        return execution?.state === 'running' && !operation.stale && this.report(job, execution, operation.outcome);
    }
  }

  /** Starts what fits, the most urgent first, and answers how many. */
  private admit(): number {
    const started: ModelJob[] = [];
    for (const job of this.waiting()) {
      if (this.reasonToWait(job) !== undefined) continue;
      job.enter('started');
      job.begun = true;
      started.push(job);
      if (job.tasks.length === 0)
        job.tasks = Array.from({ length: job.steps }, () => ({
          state: 'waiting',
          tries: 0,
          lostLeases: 0,
          begun: false,
        }));
    }
    for (const job of started) this.advance(job);
    return started.length;
  }

  /** Why queued jobs wait, of those that have to. */
  private explain(): Record<number, string> {
    return Object.fromEntries(
      this.waiting().flatMap((job) => {
        const reason = this.reasonToWait(job);
        return reason === undefined ? [] : [[job.number, reason]];
      }),
    );
  }

  private reasonToWait(job: ModelJob): string | undefined {
    const { max_jobs: all, priority_slots: reserved, priority_threshold: threshold } = this.settings;
    const running = this.jobs.filter(({ state }) => state === 'started');
    const normal = running.filter(({ priority }) => priority > threshold);
    if (this.paused) return 'LanePaused';
    if (running.length >= all) return 'LaneFull';
    if (job.priority > threshold && normal.length >= Math.max(0, all - reserved)) return 'SlotsReserved';
    if (running.filter(({ client }) => client === job.client).length >= (this.caps.get(job.client) ?? Infinity))
      return 'ClientCap';
    return undefined;
  }

  /** Queued jobs in the order of their rank. */
  private waiting(): ModelJob[] {
    return this.jobs
      .filter(({ state }) => state === 'queued')
      .sort(
        (one, other) =>
          Number(other.topOfQueue) - Number(one.topOfQueue) ||
          one.priority - other.priority ||
          one.position - other.position ||
          one.number - other.number,
      );
  }

  private advance(job: ModelJob): void {
    if (job.state !== 'started') return;
    const failed = job.tasks.some(({ state }) => state === 'failed');
    if (failed) for (const task of job.tasks) if (task.state === 'waiting') task.state = 'skipped';
    const next = job.tasks.find(({ state }) => state !== 'completed' && state !== 'skipped' && state !== 'failed');
    if (next?.state === 'waiting') job.queue(next, 'first');
    if (next) return;
    job.enter(failed ? 'failed' : 'completed');
    job.tell(failed ? 'job_failed' : 'job_completed');
  }

  private report(job: ModelJob, execution: ModelExecution, outcome: string): boolean {
    const { task } = execution;
    if (outcome === 'released') {
      execution.state = 'released';
      job.queue(task, 'released');
    } else if (outcome === 'succeeded') {
      execution.state = 'succeeded';
      task.state = 'completed';
      job.tellOf(task, 'complete');
    } else {
      execution.state = 'failed';
      task.tries += 1;
      if (outcome === 'failed' && task.tries <= this.settings.retry_limit)
        job.queue(task, 'retry', this.settings.retry_delay === 0);
      else fail(job, task);
    }
    this.advance(job);
    return true;
  }

  private expire(job: ModelJob, execution: ModelExecution): boolean {
    if (execution.state !== 'running') return false;
    const { task } = execution;
    execution.state = 'lost';
    task.lostLeases += 1;
    if (task.lostLeases < POISON) job.queue(task, 'lease_lost');
    else {
      task.tries += 1;
      fail(job, task);
    }
    this.advance(job);
    return true;
  }

  private update(job: ModelJob, changes: Changes): Refusal | string[] {
    const { state } = job;
    const refusal: Refusal = { refused: 'illegal_transition' };
    const { priority, later, semaphore } = changes;
    const reschedules = later !== undefined || semaphore !== undefined;
    // all or nothing: what cannot be done is found before anything is
    if (priority !== undefined && !job.isOpen) return refusal;
    if (reschedules && !['scheduled', 'queued', 'paused'].includes(state)) return refusal;
    if (changes.state === 'paused' && !['scheduled', 'queued', 'started', 'paused'].includes(state)) return refusal;
    if (changes.state === 'queued' && !['queued', 'paused'].includes(state)) return refusal;

    if (priority !== undefined) job.priority = priority;
    if (reschedules) reschedule(job, later, semaphore);
    if (changes.state === 'paused' && state !== 'paused') job.enter('paused');
    if (changes.state === 'queued' && state === 'paused') job.enter(hasToWait(job) ? 'scheduled' : 'queued');
    if (changes.state === 'broken') breakJob(job);
    const names = { runAt: later, semaphoreUrl: semaphore, priority, state: changes.state };
    return Object.entries(names).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  }

  private rerun(original: ModelJob): undefined {
    const { client, steps, priority, endpoint, number } = original;
    breakJob(original);
    this.jobs.push(new ModelJob(this.jobs.length, client, steps, priority, true, false, endpoint, number));
    return undefined;
  }

  private releaseDue(): number {
    const due = this.jobs.filter((job) => job.state === 'scheduled' && job.due && !job.semaphore);
    for (const job of due) job.enter('queued');
    return due.length;
  }

  private probe(job: ModelJob, open: boolean): boolean | undefined {
    if (job.state !== 'scheduled' || !job.due || !job.semaphore) return undefined;
    if (!open) return false;
    job.asks = false;
    job.enter('queued');
    return true;
  }
}

function claim(job: ModelJob): boolean {
  const execution = job.executions.find(({ state, due }) => state === 'queued' && due);
  if (job.state !== 'started' || !execution) return false;
  execution.state = 'running';
  execution.task.state = 'started';
  if (!execution.task.begun) job.tellOf(execution.task, 'start');
  execution.task.begun = true;
  return true;
}

function fail(job: ModelJob, task: ModelTask): void {
  task.state = 'failed';
  job.tellOf(task, 'fail');
}

function breakJob(job: ModelJob): void {
  if (job.state === 'broken') return;
  job.enter('broken');
  for (const execution of job.executions)
    if (execution.state === 'queued' || execution.state === 'running') execution.state = 'stopped';
  for (const task of job.tasks) if (['waiting', 'queued', 'started'].includes(task.state)) task.state = 'failed';
}

function reschedule(job: ModelJob, later: boolean | undefined, semaphore: boolean | undefined): void {
  if (later !== undefined) job.due = !later;
  if (semaphore !== undefined) job.semaphore = semaphore;
  job.asks = job.semaphore;
  if (job.state === 'queued' && (!job.due || job.semaphore)) job.enter('scheduled');
}

/** A paused job that is resumed goes back to waiting for its time. A semaphore that let it start once is asked again only if it was set since. */
function hasToWait(job: ModelJob): boolean {
  return !job.due || (job.semaphore && (!job.begun || job.asks));
}
