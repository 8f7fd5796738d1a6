import { randomUUID } from 'node:crypto';
import { getQueueToken } from '@nestjs/bull';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { workSchema, type Work } from '@task-engine/dto';
import Bull from 'bull';

import { Processing } from './processing';
import { BLOCK_SECONDS, RedisConnections } from './redis-connections';

/** No caller waits longer for its hints. */
const ADD_TIMEOUT_MS = 1_000;
/** Hints that one MULTI carries: bounds the time for which Redis serves nobody else (about 10 ms). */
const ADD_BATCH = 500;
const COMMAND_TIMEOUT_MS = 2_000;

export interface WorkItem {
  /**
   * Identity of the hint, unique in its queue, e.g. `d123`: while one with it waits or runs, a second is left out. Must not be a plain
   * number nor hold a colon (Bull's key separator). Without it each hint counts.
   */
  key?: string;
  /** Ids only, see `Work`. */
  data: object;
}

export type WorkHandler<Queue extends string> = (data: Work<Queue>) => Promise<void>;

/**
 * How every queue is set up. Locks are short because a hint that its worker took with it into the grave is run by the next one only
 * after lock + two looks: at most 10 s, inside the 12 s in which a dead worker's work must run again. A lock that is lost while its
 * handler lives only runs the hint twice, and the claim of a row is guarded.
 */
export function bullOptions(prefix: string, connections: RedisConnections): Bull.QueueOptions {
  return {
    prefix,
    // The subscriber is for delays and events, which are not used here: without `queue.process` Bull never asks for it.
    createClient: (type) => (type === 'bclient' ? connections.blocking() : connections.shared) as never,
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    settings: {
      lockDuration: 6_000,
      lockRenewTime: 2_000,
      stalledInterval: 2_000,
      // A hint is never given up for having outlived workers: tasks that kill workers are the engine's to judge.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      // Pause of one loop after an error; FLUSHALL makes each loop fail once.
      retryProcessDelay: 250,
      drainDelay: BLOCK_SECONDS,
    },
    skipVersionCheck: true,
  } as Bull.QueueOptions;
}

/** Durable work queues (Bull). They carry hints: ids of rows, each of which a sweep finds again when its hint is lost. */
@Injectable()
export class WorkQueues implements OnModuleInit, OnModuleDestroy {
  private readonly log = new Logger('WorkQueues');
  private readonly queues = new Map<string, Bull.Queue>();
  private readonly processings = new Map<string, Processing>();

  constructor(
    private readonly module: ModuleRef,
    private readonly connections: RedisConnections,
    private readonly options: Bull.QueueOptions,
  ) {}

  onModuleInit(): void {
    // opens the shared connection, so that the first hint does not wait for it
    void this.connections.shared;
  }

  /**
   * Adds hints. A key that still waits or runs is left alone. Never throws, and takes a second at most: with Redis away the hints are
   * dropped, with one log line for the outage.
   */
  async add(queue: string, items: WorkItem[]): Promise<void> {
    if (items.length === 0) return;
    try {
      await within(
        ADD_TIMEOUT_MS,
        this.connections.ready(ADD_TIMEOUT_MS).then(() => this.addAll(this.queue(queue), items)),
      );
    } catch (error) {
      this.connections.report(`${items.length} hints for queue ${queue} were dropped`, error);
    }
  }

  /**
   * A name for the time since Redis was last emptied. FLUSHALL in the middle of a hint leaves its bare key behind, in no list: never
   * processed, and each later hint with that key is taken for a repeat. So whoever repairs adds the epoch to the key. Empty while Redis
   * does not answer.
   */
  async epoch(): Promise<string> {
    const key = `${this.options.prefix}:epoch`;
    try {
      await this.connections.ready(ADD_TIMEOUT_MS);
      const { shared } = this.connections;
      await within(COMMAND_TIMEOUT_MS, shared.set(key, randomUUID().slice(0, 8), 'NX'));
      return (await within(COMMAND_TIMEOUT_MS, shared.get(key))) ?? '';
    } catch (error) {
      this.connections.report('the epoch could not be read', error);
      return '';
    }
  }

  /**
   * Starts to process a queue, `concurrency` hints at a time, once Redis is there. A payload that is not what the queue carries is
   * dropped; an error of the handler is logged; neither is repeated by Bull.
   * @throws Error when the queue has a handler already
   */
  process<Queue extends string>(queue: Queue, concurrency: number, handler: WorkHandler<Queue>): Processing {
    if (this.processings.has(queue)) throw new Error(`queue ${queue} has a handler already`);
    const processing = new Processing(this.queue(queue), this.connections, concurrency, async (raw, key) => {
      const parsed = workSchema(queue).safeParse(raw);
      // FLUSHALL between taking a hint and reading it leaves a key without a payload; its row is found by a sweep.
      if (!parsed.success) return this.log.warn(`hint ${key} of queue ${queue} has no usable payload`);
      await handler(parsed.data);
    });
    this.processings.set(queue, processing);
    return processing;
  }

  /** Queues that this process has a handler for. */
  processed(): string[] {
    return [...this.processings.keys()];
  }

  /** @throws Error when Redis does not answer */
  async counts(queue: string): Promise<{ waiting: number; active: number }> {
    const { waiting, active } = await this.ask(() => this.queue(queue).getJobCounts());
    return { waiting, active };
  }

  /** @throws Error when Redis does not answer */
  async ping(): Promise<void> {
    await this.ask(() => this.connections.shared.ping());
  }

  /**
   * Share of its memory that Redis uses, of the machine's when it has no limit of its own.
   * @throws Error when Redis does not answer
   */
  async memoryUsage(): Promise<number> {
    const text = await this.ask(() => this.connections.shared.info('memory'));
    const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0);
    const room = field('maxmemory') || field('total_system_memory');
    return room > 0 ? Math.min(1, field('used_memory') / room) : 0;
  }

  /** Called each time that Redis answers again after an outage: hints of that time are lost, so look at the rows. */
  onRecovery(listener: () => void): void {
    this.connections.onRecovery(listener);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.processings.values()].map((processing) => processing.close()));
  }

  /** Known queues come from @nestjs/bull; a queue that only a workflow names is made when it is first used. */
  private queue(name: string): Bull.Queue {
    const known = this.queues.get(name);
    if (known) return known;
    const queue = this.registered(name) ?? new Bull(name, this.options);
    this.queues.set(name, queue);
    return queue;
  }

  private registered(name: string): Bull.Queue | undefined {
    try {
      return this.module.get<Bull.Queue>(getQueueToken(name), { strict: false });
    } catch {
      return undefined;
    }
  }

  private async ask<Answer>(command: () => Promise<Answer>): Promise<Answer> {
    return within(COMMAND_TIMEOUT_MS, this.connections.ready(COMMAND_TIMEOUT_MS).then(command));
  }

  private async addAll(queue: Bull.Queue, items: WorkItem[]): Promise<void> {
    const addOne = ({ key, data }: WorkItem) => queue.add(data, key === undefined ? {} : { jobId: key });
    if (items.length === 1) return void (await addOne(items[0]!));
    for (let start = 0; start < items.length; start += ADD_BATCH) {
      const batch = items.slice(start, start + ADD_BATCH);
      const added = await queue.addBulk(
        batch.map(({ key, data }) => ({ data, opts: key === undefined ? {} : { jobId: key } })),
      );
      // Bull hides the errors inside its MULTI (NOSCRIPT after SCRIPT FLUSH): such jobs come back without an id.
      await Promise.all(batch.filter((_, index) => added[index]?.id === undefined).map(addOne));
    }
  }
}

async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
