import { Injectable } from '@nestjs/common';
import { Database, type OpenGraphTasks } from '@task-engine/database';
import { WorkQueues } from '@task-engine/messaging';
import { Log } from '@task-engine/platform';
import type { MetricBucket, MetricPeriod, SystemStatus } from '../graph/views';
import { shownPriority } from './shown-priority';

/** How far back a period is shown. */
const BUCKETS = { hour: 24, day: 30, week: 12, month: 12 } as const satisfies Record<MetricPeriod, number>;
/** Counting the tasks that wait takes as long as there are many: its answer holds so many times as long as it took. */
const REST = 9;

/** How the installation is, over all clients. */
@Injectable()
export class SystemReport {
  private open: { tasks: Promise<OpenGraphTasks>; until: number } | undefined;

  constructor(
    private readonly database: Database,
    private readonly queues: WorkQueues,
    private readonly log: Log,
  ) {}

  /** Never throws: a part that cannot be reached is shown as such. */
  async status(): Promise<SystemStatus> {
    const [parts, redis] = await Promise.all([this.parts(), this.redis()]);
    return { ...parts, redis, status: overall(parts, redis) };
  }

  /** Oldest first, the present one is the last. */
  async metrics(period: MetricPeriod): Promise<MetricBucket[]> {
    const sums = await this.database.stores.system.sums(period, BUCKETS[period]);
    return sums.map(({ start, completed, failed, runSeconds }) => ({
      start,
      completed,
      errorRate: completed + failed > 0 ? failed / (completed + failed) : 0,
      averageSeconds: completed > 0 ? runSeconds / completed : 0,
    }));
  }

  private async parts(): Promise<Omit<SystemStatus, 'status' | 'redis'>> {
    try {
      const { engineWorkers, system } = this.database.stores;
      const [parts, workers, open] = await Promise.all([system.parts(), engineWorkers.counts(), this.openTasks()]);
      const { gateways, schedulers, leader, connections, completedToday, failedToday } = parts;
      const depths = depthsOf(open);
      const pending = depths.high + depths.normal + depths.low;
      return {
        gateways,
        schedulers,
        leader,
        workers,
        database: { status: 'healthy', connections },
        tasks: { pending, running: open.running, completedToday, failedToday },
        depths,
      };
    } catch (error) {
      this.log.warn({ err: error }, 'the status of the system could not be read');
      return NOTHING_KNOWN;
    }
  }

  private async redis(): Promise<SystemStatus['redis']> {
    try {
      return { status: 'healthy', memoryUsage: await this.queues.memoryUsage() };
    } catch {
      return { status: 'unhealthy', memoryUsage: 0 };
    }
  }

  private openTasks(): Promise<OpenGraphTasks> {
    if (this.open && performance.now() < this.open.until) return this.open.tasks;
    const began = performance.now();
    const asked = { tasks: this.database.stores.system.openGraphTasks(), until: Infinity };
    this.open = asked;
    asked.tasks.then(
      () => {
        const now = performance.now();
        asked.until = now + (now - began) * REST;
      },
      () => (asked.until = 0),
    );
    return asked.tasks;
  }
}

const NOTHING_KNOWN: Omit<SystemStatus, 'status' | 'redis'> = {
  gateways: 0,
  schedulers: 0,
  leader: null,
  workers: { active: 0, idle: 0, offline: 0 },
  database: { status: 'unhealthy', connections: 0 },
  tasks: { pending: 0, running: 0, completedToday: 0, failedToday: 0 },
  depths: { high: 0, normal: 0, low: 0 },
};

function overall(
  { database, leader, workers }: Omit<SystemStatus, 'status' | 'redis'>,
  redis: SystemStatus['redis'],
): SystemStatus['status'] {
  if (database.status === 'unhealthy') return 'unhealthy';
  const whole = redis.status === 'healthy' && leader !== null && workers.active + workers.idle > 0;
  return whole ? 'healthy' : 'degraded';
}

/** Of the API's priorities 10 is high, 5 to 9 normal, 1 to 4 low. */
function depthsOf({ pending }: OpenGraphTasks): SystemStatus['depths'] {
  const depths = { high: 0, normal: 0, low: 0 };
  for (const { priority, n } of pending) {
    const shown = shownPriority(priority);
    depths[shown >= 10 ? 'high' : shown >= 5 ? 'normal' : 'low'] += n;
  }
  return depths;
}
