import { z } from 'zod';

/** A bigint id as PostgreSQL and TypeScript carry it: decimal text. */
export const rowId = z.string().regex(/^[1-9]\d{0,18}$/, 'must be a positive decimal id');

/** Queues with a meaning of their own. No worker queue may have one of these names. */
const FIXED = {
  /** Advance a job: something about its tasks changed. */
  controller: z.object({ jobId: rowId }),
  /** Send a delivery. */
  callback: z.object({ deliveryId: rowId }),
  /** Probe the semaphore of a job. */
  scheduler: z.object({ jobId: rowId }),
};

/** Look into the queue: an execution waits in it. The table knows which. */
const execution = z.object({});

export type FixedQueue = keyof typeof FIXED;

export const FIXED_QUEUES = Object.keys(FIXED) as readonly FixedQueue[];

export type ExecutionWork = z.output<typeof execution>;

/** Worker queues that exist in every installation; workflows may name others. */
export const WORKER_QUEUES = ['work', 'windows_capture', 'containers'] as const;

/**
 * Durable work: what the payload of each queue is. Ids only, since the row is the truth. A name is never given another meaning: an
 * incompatible change is a new name (`callback.v2`).
 */
export type Work<Queue extends string> = Queue extends FixedQueue ? z.output<(typeof FIXED)[Queue]> : ExecutionWork;

/** What a payload of `queue` must be on receipt. Unknown keys are dropped, so a newer sender does not break an older receiver. */
export function workSchema<Queue extends string>(queue: Queue): z.ZodType<Work<Queue>> {
  const schema = Object.hasOwn(FIXED, queue) ? FIXED[queue as FixedQueue] : execution;
  return schema as unknown as z.ZodType<Work<Queue>>;
}
