import type { Random } from '../random';

/** What a client of graph tasks does next; tasks are named by the number of its own submission, as in operation-plan.ts. */
export type PlannedGraphOperation =
  | { kind: 'submit'; task: PlannedGraphTask }
  | { kind: 'cancel' | 'retry'; target: number }
  | { kind: 'depend'; target: number; on: number[] };

export interface PlannedGraphTask {
  /** As the API has it: 10 first. */
  priority: number;
  /** Of earlier submissions. */
  dependencies: number[];
  /** Milliseconds from the request until its time. */
  inMs?: number;
  seconds: number;
  /** Tries that fail before one succeeds. */
  failures: number;
  maxRetries: number;
}

export interface GraphStep {
  /** Milliseconds to wait before. */
  waitMs: number;
  operation: PlannedGraphOperation;
}

/** How often each operation comes. */
const WEIGHTS = { submit: 60, cancel: 5, retry: 8, depend: 8 };

/** Endless: what a run takes of it is its own affair. */
export function* graphPlan(random: Random, meanWaitMs: number): Generator<GraphStep, never> {
  let submitted = 0;
  // mostly of the last, since those still wait or run
  const earlier = () => Math.max(0, submitted - random.integer(1, 6));
  const some = (most: number) => Array.from({ length: submitted === 0 ? 0 : random.integer(0, most) }, earlier);
  for (;;) {
    const waitMs = random.integer(0, 2 * meanWaitMs);
    const kind = submitted === 0 ? 'submit' : random.weighted(WEIGHTS);
    switch (kind) {
      case 'submit':
        yield { waitMs, operation: { kind, task: plannedTask(random, some(3)) } };
        submitted += 1;
        break;
      case 'depend':
        yield { waitMs, operation: { kind, target: earlier(), on: some(2) } };
        break;
      default:
        yield { waitMs, operation: { kind, target: earlier() } };
    }
  }
}

function plannedTask(random: Random, dependencies: number[]): PlannedGraphTask {
  return {
    priority: random.integer(1, 10),
    dependencies,
    inMs: random.chance(0.2) ? random.integer(100, 3_000) : undefined,
    // now and then long enough to be under way when its worker is hit
    seconds: random.chance(0.15) ? random.integer(2, 4) : random.integer(0, 6) / 20,
    failures: random.weighted({ none: 8, one: 2, two: 1 }) === 'none' ? 0 : random.integer(1, 2),
    maxRetries: random.integer(0, 2),
  };
}
