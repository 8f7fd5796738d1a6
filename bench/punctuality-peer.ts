import { Queue, Worker } from 'bullmq';
import { epochMs } from './harness/clocks';
import { redisOptions } from './peers/redis-options';

/** A job and a moment, in ms since the epoch. */
export type Moment = [job: string, at: number];

export interface DelayedOptions {
  redisUrl: string;
  /** Jobs that run at one time. */
  concurrency: number;
}

/** Jobs added with one command. */
const ADD_BATCH = 1_000;

/** The peer of punctuality: BullMQ's delayed jobs and one worker whose handler writes down when it starts. */
export class DelayedJobs {
  private readonly starts: Moment[] = [];
  private readonly queue: Queue;
  private readonly worker: Worker;

  constructor({ redisUrl, concurrency }: DelayedOptions) {
    const options = { connection: redisOptions(redisUrl) };
    this.queue = new Queue('punctuality', options);
    this.worker = new Worker(
      'punctuality',
      async ({ name }) => {
        this.starts.push([name, epochMs()]);
      },
      { ...options, concurrency },
    );
  }

  async ready(): Promise<void> {
    await Promise.all([this.queue.waitUntilReady(), this.worker.waitUntilReady()]);
  }

  /** Adds the jobs with their due times; answers when Redis has all of them. */
  async add(jobs: Moment[]): Promise<void> {
    for (let start = 0; start < jobs.length; start += ADD_BATCH) {
      const timestamp = Date.now();
      await this.queue.addBulk(
        jobs.slice(start, start + ADD_BATCH).map(([name, due]) => ({
          name,
          data: {},
          opts: { timestamp, delay: Math.max(0, due - timestamp), removeOnComplete: true },
        })),
      );
    }
  }

  /** What has started so far. */
  get started(): number {
    return this.starts.length;
  }

  /** The starts since the last call, in their order. */
  takeStarts(): Moment[] {
    return this.starts.splice(0);
  }
}
