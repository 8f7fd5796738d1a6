import { Random } from '../random';

/**
 * What a client does next. Jobs are named by the number of the client's own submission, so a plan does not depend on what becomes of
 * them: the same seed gives the same operations.
 */
export type PlannedOperation =
  | { kind: 'submit'; job: PlannedJob }
  | { kind: 'pause' | 'resume' | 'break' | 'rerun'; target: number }
  | { kind: 'priority'; target: number; value: number }
  /** Milliseconds from the request; negative ones are past. */
  | { kind: 'run_at'; target: number; inMs: number }
  /** Null takes it away. */
  | { kind: 'semaphore'; target: number; opensAfterMs: number | null }
  | { kind: 'setting'; name: string; value: number }
  | { kind: 'push' }
  /** What has no route of the API, changed in the table as the command line does it. */
  | { kind: 'rank'; target: number; topOfQueue: boolean; position: number }
  | { kind: 'cap'; value: number | null }
  | { kind: 'pause_lane'; forMs: number };

export interface PlannedJob {
  workflow: string;
  parameters: Record<string, unknown>;
  priority: number;
  inMs?: number;
  opensAfterMs?: number;
  /** Numbers of endpoints for its callbacks. */
  endpoints: number[];
}

/** One client among several: its plan, and whether it also does what concerns all (settings, caps, the lane). */
export interface Step {
  /** Milliseconds to wait before. */
  waitMs: number;
  operation: PlannedOperation;
}

/** How often each operation comes. */
const CLIENT = {
  submit: 60,
  pause: 6,
  resume: 7,
  break: 4,
  rerun: 4,
  priority: 5,
  run_at: 4,
  semaphore: 2,
  rank: 3,
};
const OPERATOR = { setting: 10, push: 2, cap: 2, pause_lane: 1 };

/** Endless: what a run takes of it is its own affair. */
export function* clientPlan(random: Random, meanWaitMs: number): Generator<Step, never> {
  let submitted = 0;
  for (;;) {
    const waitMs = random.integer(0, 2 * meanWaitMs);
    const kind = submitted === 0 ? 'submit' : random.weighted(CLIENT);
    // mostly one of the last, since those are still waiting or running
    const target = random.chance(0.8)
      ? Math.max(0, submitted - random.integer(1, 8))
      : random.integer(0, Math.max(0, submitted - 1));
    switch (kind) {
      case 'submit':
        submitted += 1;
        yield { waitMs, operation: { kind, job: plannedJob(random) } };
        break;
      case 'priority':
        yield { waitMs, operation: { kind, target, value: priority(random) } };
        break;
      case 'run_at':
        yield { waitMs, operation: { kind, target, inMs: random.integer(-500, 2_500) } };
        break;
      case 'semaphore': {
        const opensAfterMs = random.chance(0.3) ? null : random.integer(0, 2_500);
        yield { waitMs, operation: { kind, target, opensAfterMs } };
        break;
      }
      case 'rank': {
        const topOfQueue = random.chance(0.4);
        yield { waitMs, operation: { kind, target, topOfQueue, position: random.integer(1, 3) } };
        break;
      }
      case 'pause':
      case 'resume':
      case 'break':
      case 'rerun':
        yield { waitMs, operation: { kind, target } };
        break;
    }
  }
}

/** Of the one operator. */
export function* operatorPlan(random: Random, meanWaitMs: number): Generator<Step, never> {
  for (;;) {
    const waitMs = random.integer(0, 2 * meanWaitMs);
    const kind = random.weighted(OPERATOR);
    switch (kind) {
      case 'setting':
        yield { waitMs, operation: setting(random) };
        break;
      case 'push':
        yield { waitMs, operation: { kind } };
        break;
      case 'cap':
        yield { waitMs, operation: { kind, value: random.chance(0.2) ? null : random.integer(1, 4) } };
        break;
      case 'pause_lane':
        yield { waitMs, operation: { kind, forMs: random.integer(200, 1_500) } };
        break;
    }
  }
}

const priority = (random: Random) => random.pick([1, 3, 5, 6, 8, 10]);

function setting(random: Random): PlannedOperation {
  const name = random.weighted({
    max_jobs: 8,
    priority_slots: 4,
    priority_threshold: 3,
    retry_limit: 2,
    retry_delay: 1,
    schedule_interval: 1,
  });
  const [least, most] = {
    max_jobs: [1, 12],
    priority_slots: [0, 4],
    priority_threshold: [2, 8],
    retry_limit: [1, 3],
    retry_delay: [0, 1],
    schedule_interval: [1, 3],
  }[name] as [number, number];
  return { kind: 'setting', name, value: random.integer(least, most) };
}

function plannedJob(random: Random): PlannedJob {
  const kind = random.weighted({ noop: 30, sleep: 30, long: 6, steps: 16, flaky: 10, fail: 5 });
  const [workflow, parameters] = {
    noop: ['noop', {}],
    sleep: ['sleep', { seconds: random.integer(1, 10) / 20 }],
    // long enough to be under way when its worker is hit
    long: ['sleep', { seconds: random.integer(2, 5) }],
    steps: ['steps', { count: random.integer(2, 4), seconds: 0.05 }],
    flaky: ['flaky', { failures: random.integer(1, 2) }],
    fail: ['fail', { message: 'as planned' }],
  }[kind] as [string, Record<string, unknown>];
  const endpoints = random.weighted({ none: 5, one: 3, two: 1 });
  const first = random.integer(0, 3);
  return {
    workflow,
    parameters,
    priority: priority(random),
    inMs: random.chance(0.25) ? random.integer(-200, 3_000) : undefined,
    opensAfterMs: random.chance(0.12) ? random.integer(0, 3_000) : undefined,
    endpoints: { none: [], one: [first], two: [first, (first + 1) % 4] }[endpoints],
  };
}
