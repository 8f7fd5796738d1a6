import { Logger } from '@nestjs/common';
import type Bull from 'bull';
import type Redis from 'ioredis';

import type { RedisConnections } from './redis-connections';

/** Waits between two attempts at starting the loops while Redis is away. */
const START_RETRY_MS = 500;

/**
 * The part of Bull's queue that its types leave out. `queue.process` would also subscribe to delays (one more connection) and poll for
 * them every few seconds, and after a failed start it never starts again; `start` is the rest of it.
 */
interface QueueInternals {
  setHandler(name: string, handler: (job: Bull.Job) => Promise<void>): void;
  setWorkerName(): Promise<void>;
  start(concurrency: number, name: string): Promise<unknown>;
  /** Pauses of the loops after an error. */
  errorRetryTimer: Record<string, NodeJS.Timeout>;
  bclientInitialized?: boolean;
  bclient: Redis;
}

/** One process's part in emptying a queue. Survives every fault of Redis; ends by `close`. */
export class Processing {
  private readonly log: Logger;
  private readonly running = new Set<Promise<void>>();
  private state: 'on' | 'paused' | 'closed' = 'on';
  private closing: Promise<void> | undefined;
  private pausing: Promise<void> | undefined;

  /** @param handler gets the payload as found and the key; may throw */
  constructor(
    private readonly queue: Bull.Queue,
    private readonly connections: RedisConnections,
    concurrency: number,
    private readonly handler: (raw: unknown, key: string) => Promise<void>,
  ) {
    this.log = new Logger(`Queue ${queue.name}`);
    queue.on('error', (error) => this.connections.report(`queue ${queue.name}`, error));
    // Bull gives the blocking connection a name and lets the rejection of that go unhandled when Redis is away.
    this.internals.setWorkerName = () => Promise.resolve();
    this.internals.errorRetryTimer = {};
    // `*`: also jobs that lost their name, and all else, to FLUSHALL
    this.internals.setHandler('*', (job) => this.run(job));
    void this.start(concurrency);
  }

  /** Takes no further hint. Resolves when none can start any more; running handlers go on. */
  async pause(): Promise<void> {
    if (this.state === 'on') this.state = 'paused';
    this.pausing ??= this.queue.pause(true, true).catch(() => undefined);
    await this.pausing;
  }

  /** Pauses, waits for the running handlers, lets the connection go. Takes half a second in Bull for the blocked command. */
  async close(): Promise<void> {
    this.closing ??= this.end();
    await this.closing;
  }

  private async end(): Promise<void> {
    this.state = 'closed';
    await Promise.all(this.running);
    await this.queue.close();
    if (this.internals.bclientInitialized) this.connections.drop(this.internals.bclient);
  }

  private get internals(): QueueInternals {
    return this.queue as unknown as QueueInternals;
  }

  private async start(concurrency: number): Promise<void> {
    while (this.state === 'on') {
      try {
        await this.connections.ready(START_RETRY_MS);
        // resolves when the loops end
        await this.internals.start(concurrency, '*');
        return;
      } catch (error) {
        this.connections.report(`queue ${this.queue.name} could not start`, error);
        await new Promise((resolve) => setTimeout(resolve, START_RETRY_MS));
      }
    }
  }

  private async run(job: Bull.Job): Promise<void> {
    // A job whose options went with FLUSHALL would stay for ever when done, and its key would swallow each later hint.
    job.opts.removeOnComplete = true;
    job.opts.removeOnFail = true;
    // Bull's blocked command may still fetch one after the pause: put it back under another key, since its own is in use.
    if (this.state !== 'on') {
      await this.queue.add(job.data, { jobId: `${job.id}+` }).catch(() => undefined);
      return;
    }
    const work = this.handle(job);
    this.running.add(work);
    await work;
    this.running.delete(work);
  }

  private async handle(job: Bull.Job): Promise<void> {
    try {
      await this.handler(job.data, String(job.id));
    } catch (error) {
      this.log.error(`hint ${job.id} failed: ${(error as Error).message}`, (error as Error).stack);
    }
  }
}
