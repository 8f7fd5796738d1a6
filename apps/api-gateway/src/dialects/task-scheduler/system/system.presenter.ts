import { wholeSeconds } from '@task-engine/dto';
import type { MetricBucket, MetricPeriod, SystemStatus } from '@task-engine/engine';

type Health = 'healthy' | 'degraded' | 'unhealthy';

/** @param gateway what answers: its version, and the seconds since it was started */
export function presentStatus(status: SystemStatus, gateway: { version: string; uptime: number }) {
  const { workers, database, redis, tasks, depths } = status;
  return {
    status: status.status,
    version: gateway.version,
    uptime: Math.floor(gateway.uptime),
    components: {
      // it answers
      api_server: { status: 'healthy' satisfies Health, instance_count: status.gateways },
      scheduler: {
        status: schedulerHealth(status),
        leader_id: status.leader,
        instance_count: status.schedulers,
      },
      workers: {
        status: (workers.active + workers.idle > 0 ? 'healthy' : 'unhealthy') satisfies Health,
        active_count: workers.active,
        idle_count: workers.idle,
        offline_count: workers.offline,
      },
      database: { status: database.status, connection_count: database.connections },
      redis: { status: redis.status, memory_usage: rounded(redis.memoryUsage, 4) },
    },
    task_stats: {
      pending: tasks.pending,
      running: tasks.running,
      completed_today: tasks.completedToday,
      failed_today: tasks.failedToday,
    },
    queue_depths: { high_priority: depths.high, normal_priority: depths.normal, low_priority: depths.low },
  };
}

/** Without a leader nothing that is due is released; the next one takes over within seconds. */
function schedulerHealth({ leader, schedulers }: SystemStatus): Health {
  if (leader !== null) return 'healthy';
  return schedulers > 0 ? 'degraded' : 'unhealthy';
}

const METRICS = {
  task_completion_rate: ({ completed }) => completed,
  error_rate: ({ errorRate }) => rounded(errorRate, 4),
  average_execution_time: ({ averageSeconds }) => rounded(averageSeconds, 3),
} as const satisfies Record<string, (bucket: MetricBucket) => number>;

export type Metric = keyof typeof METRICS;

/** In the document's order. */
export const METRIC_NAMES = Object.keys(METRICS) as Metric[];

export function presentMetrics(buckets: MetricBucket[], period: MetricPeriod, asked: ReadonlySet<Metric>) {
  const names = METRIC_NAMES.filter((name) => asked.has(name));
  const points = (name: Metric) =>
    buckets.map((bucket) => ({ timestamp: wholeSeconds(bucket.start), value: METRICS[name](bucket) }));
  return {
    data: Object.fromEntries(names.map((name) => [name, points(name)])),
    meta: {
      period,
      start_time: wholeSeconds(buckets[0]!.start),
      end_time: wholeSeconds(buckets.at(-1)!.start),
    },
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
