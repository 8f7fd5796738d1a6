import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { Log } from '@task-engine/platform';

/** Seconds between heartbeats of a process. */
const BEAT_SECONDS = 3;

/** The process's own row among the workers: what /health counts and the history names. */
@Injectable()
export class WorkerRegistration {
  /** New at every start. */
  readonly id = randomUUID();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  /** Registers the process with the queues it serves and keeps its row alive until `stop`. */
  async start(app: string, queues: { queue: string; slots: number }[]): Promise<void> {
    const worker = {
      id: this.id,
      app,
      host: hostname(),
      pid: process.pid,
      queues,
    };
    await this.database.stores.workers.beat(worker);
    const beat = () =>
      this.database.stores.workers
        .beat(worker)
        .catch((error: unknown) => this.log.warn({ err: error }, 'heartbeat of this process failed'));
    this.timer = setInterval(() => void beat(), BEAT_SECONDS * 1_000);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.database.stores.workers.remove(this.id).catch(() => undefined);
  }
}
