import { Worker } from 'bullmq';
import { serve } from '../harness/child';
import { monotonicMs } from '../harness/clocks';
import { redisOptions } from './redis-options';

export interface BullmqWorkRequest {
  redisUrl: string;
  queue: string;
  concurrency: number;
}

let worker: Worker | undefined;
let starts: [string, number][] = [];
let completed = 0;

/** BullMQ in a process of its own; its handler notes when it was called and returns. */
const procedures = {
  async start({ redisUrl, queue, concurrency }: BullmqWorkRequest): Promise<void> {
    worker = new Worker(
      queue,
      async ({ id }) => {
        starts.push([id!, monotonicMs()]);
      },
      { connection: redisOptions(redisUrl), concurrency },
    );
    worker.on('completed', () => (completed += 1));
    await worker.waitUntilReady();
  },

  /** Once `jobs` jobs are done: when each handler was called, in ms of the monotonic clock; forgets them then. */
  async starts({ jobs, timeoutMs }: { jobs: number; timeoutMs: number }): Promise<[string, number][]> {
    const deadline = Date.now() + timeoutMs;
    while (completed < jobs) {
      if (Date.now() > deadline) throw new Error(`${completed} of ${jobs} jobs done after ${timeoutMs} ms`);
      await new Promise((done) => setTimeout(done, 20));
    }
    const found = starts;
    starts = [];
    completed = 0;
    return found;
  },
};

export type BullmqWorker = typeof procedures;

serve(procedures);
