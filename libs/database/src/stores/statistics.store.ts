import type { JobState } from '@task-engine/domain';
import type { Sql } from '../sql';
import { WORKER_SILENCE_SECONDS } from './worker.store';

export interface QueueStatistics {
  /** How much live workers do of it at one time. */
  workers: number;
  /** What live workers do of it now. Never more than `workers`. */
  working: number;
  /** What waits in it. */
  pending: number;
}

export interface Statistics {
  maxRunning: number;
  reservedSlots: number;
  jobs: Partial<Record<JobState, number>>;
  /** Every queue that has a live worker or something in it. */
  queues: Record<string, QueueStatistics>;
  tasksFailed: number;
  /** Executions that ended, those included whose rows retention has removed: never goes back. */
  executionsEnded: number;
}

interface Counts {
  maxRunning: number;
  reservedSlots: number;
  jobs: Partial<Record<JobState, number>> | null;
  slots: Record<string, number> | null;
  executions: Record<string, { working: number; pending: number }> | null;
  deliveries: { working: number; pending: number };
  tasksFailed: string;
  executionsEnded: string;
}

/** Queue whose work is deliveries, not executions. */
const CALLBACK = 'callback';

/** Counts over everything, for health. */
export class StatisticsStore {
  constructor(private readonly sql: Sql) {}

  /**
   * One statement, so all numbers are of one moment. An execution or delivery in the hands of a process that has fallen silent counts as
   * neither working nor pending until its lease is over: no live worker does it and none can take it.
   */
  async read(laneId: number): Promise<Statistics> {
    const [row] = await this.sql.query<Counts>(
      `WITH live AS MATERIALIZED (
         SELECT id FROM worker WHERE last_seen_at > clock_timestamp() - make_interval(secs => $2)
       ), slots AS (
         SELECT queue, sum(slots)::int AS n FROM worker_queue JOIN live ON live.id = worker_id GROUP BY queue
       ), runs AS (
         SELECT queue, count(*) FILTER (WHERE state = 'queued') AS pending,
                count(*) FILTER (WHERE state = 'running' AND worker_id IN (SELECT id FROM live)) AS working
         FROM execution WHERE state IN ('queued', 'running') GROUP BY queue
       ), states AS (
         SELECT state, count(*) AS n FROM job WHERE lane_id = $1 GROUP BY state
       )
       SELECT l.max_running AS "maxRunning", l.reserved_slots AS "reservedSlots",
         (SELECT jsonb_object_agg(state, n) FROM states) AS jobs,
         (SELECT jsonb_object_agg(queue, n) FROM slots) AS slots,
         (SELECT jsonb_object_agg(queue, jsonb_build_object('working', working, 'pending', pending)) FROM runs) AS executions,
         jsonb_build_object(
           'working', (SELECT count(*) FROM delivery WHERE state = 'sending' AND lease_expires_at > clock_timestamp()),
           'pending', (SELECT count(*) FROM delivery WHERE state = 'pending' AND next_at <= clock_timestamp())) AS deliveries,
         (SELECT count(*) FROM task WHERE state = 'failed') AS "tasksFailed",
         (SELECT count(*) FROM execution WHERE state IN ('succeeded', 'failed', 'lost'))
           + COALESCE((SELECT value FROM counter WHERE name = 'executions_removed'), 0) AS "executionsEnded"
       FROM lane l WHERE l.id = $1`,
      [laneId, WORKER_SILENCE_SECONDS],
    );
    return statistics(row!);
  }
}

function statistics(counts: Counts): Statistics {
  const work: Record<string, { working: number; pending: number }> = {
    ...counts.executions,
    [CALLBACK]: counts.deliveries,
  };
  const slots = counts.slots ?? {};
  const queues: Record<string, QueueStatistics> = {};
  for (const name of [...Object.keys(work), ...Object.keys(slots)]) {
    const workers = slots[name] ?? 0;
    const { working, pending } = work[name] ?? { working: 0, pending: 0 };
    // a delivery does not name its dispatcher: those of a dead one are cut off here until their leases are over
    queues[name] = { workers, working: Math.min(working, workers), pending };
  }
  return {
    maxRunning: counts.maxRunning,
    reservedSlots: counts.reservedSlots,
    jobs: counts.jobs ?? {},
    queues,
    tasksFailed: Number(counts.tasksFailed),
    executionsEnded: Number(counts.executionsEnded),
  };
}
