import type { ResolvedDefinition } from '@task-engine/workflows';
import { oneTaskDefinition } from '../one-task-definition';

/** Queue of graph tasks that any worker may run. Others wait in `shell/<set of tags>`. */
export const GRAPH_QUEUE = 'shell';

/** Parameters of a graph task's job: what its worker gets with the lease, and what decides about further tries. */
export interface GraphParameters {
  name: string;
  command: string;
  timeoutSeconds: number;
  maxRetries: number;
  /** Whether its command may keep checkpoints. */
  checkpoint: boolean;
}

/** What a graph task is to the engine: one for each queue. */
export function graphDefinition(queue: string): ResolvedDefinition {
  return oneTaskDefinition('shell', {
    name: 'shell',
    uses: 'shell',
    queue,
    with: {
      command: '${parameters.command}',
      timeoutSeconds: '${parameters.timeoutSeconds}',
      checkpoint: '${parameters.checkpoint}',
    },
  });
}

/** Answers by digest; no more than there are queues, and definitions kept in memory. */
const known = new Map<string, boolean>();
const KNOWN = 10_000;

/** A workflow of a client may be called anything: only the digest tells. */
export function isGraphTask({ digest, tasks }: ResolvedDefinition): boolean {
  let answer = known.get(digest);
  if (answer === undefined) {
    const [task] = tasks;
    answer = task?.uses === 'shell' && graphDefinition(task.queue).digest === digest;
    if (known.size >= KNOWN) known.clear();
    known.set(digest, answer);
  }
  return answer;
}

/** Whether a worker queue is one of graph tasks. */
export function isGraphQueue(queue: string): boolean {
  return queue === GRAPH_QUEUE || queue.startsWith(`${GRAPH_QUEUE}/`);
}

/** Delay before the second try, in seconds; doubled for each further one (reference/distributed-task-scheduler.md C2). */
const BACKOFF_BASE_SECONDS = 1;
const BACKOFF_MAX_SECONDS = 300;
const JITTER = 0.1;

/**
 * Seconds before the next try of a task.
 * @param tries failed ones before the one that has just failed
 * @param random a number in [0, 1)
 */
export function graphBackoffSeconds(tries: number, random = Math.random()): number {
  const full = BACKOFF_BASE_SECONDS * 2 ** Math.min(tries, 40);
  return Math.min(BACKOFF_MAX_SECONDS, full * (1 - JITTER + 2 * JITTER * random));
}
