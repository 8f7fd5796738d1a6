import { Injectable } from '@nestjs/common';
import { Database, PULL_QUEUE, type QueueStatistics, type Statistics } from '@task-engine/database';
import { WorkQueues } from '@task-engine/messaging';
import { PULL_STEP_QUEUE } from '@task-engine/workflows';
import { Lanes } from './lanes';
import { isGraphQueue } from './graph/graph-definition';
import { RUN_QUEUE } from './runs/run-definition';

/** Queues whose work has no rows of its own: only Redis knows what waits in them. */
const BULL_ONLY = ['controller', 'scheduler'] as const;
const ALWAYS_SHOWN = ['work', 'windows_capture', ...BULL_ONLY, 'callback'] as const;

/** Runs, graph tasks, and what workers of projects do, are shown by the APIs that have them. */
const OTHERS: readonly string[] = [RUN_QUEUE, PULL_QUEUE, PULL_STEP_QUEUE];

export interface Health extends Statistics {
  /** Undefined: it answers. */
  redisError?: string;
}

/** Numbers about the whole engine. PostgreSQL has to answer; without Redis the queues that live only there read as empty. */
@Injectable()
export class ReadHealth {
  constructor(
    private readonly database: Database,
    private readonly queues: WorkQueues,
    private readonly lanes: Lanes,
  ) {}

  /** @throws the error of PostgreSQL when it cannot be read */
  async run(lane: string): Promise<Health> {
    const [statistics, redis] = await Promise.all([
      this.lanes.id(lane).then((laneId) => this.database.stores.statistics.read(laneId)),
      this.readRedis(),
    ]);
    const queues: Record<string, QueueStatistics> = {};
    for (const name of ALWAYS_SHOWN) queues[name] = statistics.queues[name] ?? { workers: 0, working: 0, pending: 0 };
    for (const [name, queue] of Object.entries(statistics.queues)) {
      if (!OTHERS.includes(name) && !isGraphQueue(name)) queues[name] ??= queue;
    }
    for (const name of BULL_ONLY) {
      const { waiting, active } = redis.counts[name];
      const { workers } = queues[name]!;
      // a hint that a dead process left in Redis stays active there until its lock is over
      queues[name] = { workers, working: Math.min(active, workers), pending: waiting };
    }
    return { ...statistics, queues, redisError: redis.error };
  }

  private async readRedis(): Promise<{
    error?: string;
    counts: Record<(typeof BULL_ONLY)[number], { waiting: number; active: number }>;
  }> {
    try {
      await this.queues.ping();
      const [controller, scheduler] = await Promise.all(BULL_ONLY.map((name) => this.queues.counts(name)));
      return { counts: { controller: controller!, scheduler: scheduler! } };
    } catch (error) {
      const empty = { waiting: 0, active: 0 };
      const message = error instanceof Error ? error.message : '';
      return { error: message || 'Redis does not answer', counts: { controller: empty, scheduler: empty } };
    }
  }
}
