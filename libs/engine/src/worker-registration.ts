import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { Database, TASK_WORKER } from '@task-engine/database';
import { Log, MachineLoad, type MachineUse, suiteVersion } from '@task-engine/platform';
import { HintSender } from './hints';
import { workerEvent } from './system/worker-events';
import { WebhookEvents } from './webhooks/webhook-events';

/** Seconds between heartbeats of a process. */
const BEAT_SECONDS = 3;

export interface ServedQueue {
  queue: string;
  slots: number;
}

/** What a worker says of itself beside its queues. */
export interface WorkerTraits {
  /** What tasks can ask for. */
  tags: string[];
  /** Folder whose file system is looked at. */
  dataDir: string;
}

/** The process's own row among the workers: what /health counts and the history names. */
@Injectable()
export class WorkerRegistration {
  /** New at every start. */
  readonly id = randomUUID();
  private readonly version = suiteVersion();
  private queues: ServedQueue[] = [];
  private app = '';
  private tags: string[] = [];
  private load: MachineLoad | undefined;
  private use: MachineUse = { cpu: null, memory: null, disk: null };
  private timer: NodeJS.Timeout | undefined;
  /** One at a time. */
  private beating: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly webhookEvents: WebhookEvents,
    private readonly hints: HintSender,
    private readonly log: Log,
  ) {}

  /** Registers the process with the queues it serves and keeps its row alive until `stop`. */
  async start(app: string, queues: ServedQueue[], traits?: WorkerTraits): Promise<void> {
    this.app = app;
    this.queues = queues;
    this.tags = traits?.tags ?? [];
    // before the first look there is no time whose load it could tell
    this.load = traits && new MachineLoad(traits.dataDir);
    await this.write();
    this.timer = setInterval(() => void this.beat(), BEAT_SECONDS * 1_000);
  }

  /** It serves these too from now on. Its row says so at once, or with a later beat. */
  async serve(further: ServedQueue[]): Promise<void> {
    this.queues = [...this.queues, ...further];
    await this.beat();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.beating;
    await this.database.stores.workers.stopped(this.id).catch(() => undefined);
  }

  private async beat(): Promise<void> {
    this.beating = this.beating.then(async () => {
      try {
        this.use = (await this.load?.look()) ?? this.use;
        await this.write();
      } catch (error) {
        this.log.warn({ err: error }, 'heartbeat of this process failed');
      }
    });
    await this.beating;
  }

  private async write(): Promise<void> {
    const { id, app, queues, tags, use } = this;
    const row = { id, app, host: hostname(), pid: process.pid, version: this.version, queues, tags, ...use };
    const deliveries = await this.database.transaction(async (stores) => {
      const news = await stores.workers.beat(row);
      if (!news || app !== TASK_WORKER) return [];
      return this.webhookEvents.deliver(stores, [workerEvent('worker.registered', news)]);
    });
    await this.hints.send({ deliveries });
  }
}
