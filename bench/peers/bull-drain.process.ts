import Bull from 'bull';
import { serve } from '../harness/child';

export interface BullDrainRequest {
  redisUrl: string;
  queue: string;
  concurrency: number;
  /** Jobs to run until the drain is over. */
  jobs: number;
}

export type BullFillRequest = Omit<BullDrainRequest, 'concurrency'> & { data?: object };

export interface DrainResult {
  seconds: number;
  /** Ids in the order in which they ran. */
  ran: string[];
}

/** Bull 4 in a process of its own, with a handler that does nothing. */
const procedures = {
  /** Puts `jobs` jobs with their number and `data` into the queue, where they wait; answers their ids. */
  async fill({ redisUrl, queue: name, jobs, data }: BullFillRequest): Promise<string[]> {
    const queue = new Bull(name, redisUrl);
    const ids: string[] = [];
    for (let done = 0; done < jobs; done += 1000) {
      const batch = Array.from({ length: Math.min(1000, jobs - done) }, (_, index) => ({
        data: { job: done + index, ...data },
      }));
      ids.push(...(await queue.addBulk(batch)).map(({ id }) => String(id)));
    }
    await queue.close();
    return ids;
  },

  /** Runs what waits, from the start of processing until the last job is moved to `completed`. */
  async drain({ redisUrl, queue: name, concurrency, jobs }: BullDrainRequest): Promise<DrainResult> {
    const queue = new Bull(name, redisUrl);
    await queue.isReady();
    const ran: string[] = [];
    let completed = 0;
    const began = performance.now();
    const ended = new Promise<number>((done, refuse) => {
      queue.on('completed', () => {
        if (++completed === jobs) done(performance.now());
      });
      queue.on('failed', (_, error) => refuse(error));
      queue.on('error', refuse);
    });
    void queue.process(concurrency, async (job) => {
      ran.push(String(job.id));
    });
    const seconds = ((await ended) - began) / 1000;
    await queue.close();
    return { seconds, ran };
  },
};

export type BullDrain = typeof procedures;

serve(procedures);
