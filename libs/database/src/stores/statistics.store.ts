import type { JobState } from '@task-engine/domain';
import type { Sql } from '../sql';
import { markName, type Marked, marksOf } from './totals.store';
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

const MARKS: Marked[] = ['execution', 'job_transition', 'task'];
/** How often the numbers are asked for again when the leader moves the marks meanwhile: it does so once in a second. */
const LOOKS = 20;

/** Counts over everything, for health. */
export class StatisticsStore {
  constructor(private readonly sql: Sql) {}

  /**
   * One statement, so all numbers are of one moment. An execution or delivery in the hands of a process that has fallen silent counts as
   * neither working nor pending until its lease is over: no live worker does it and none can take it.
   *
   * Totals are those up to the marks of TotalsStore plus the rows behind them. The marks are read before and given as parameters, so that
   * the planner sees how few rows those are; a statement that finds other marks answers nothing, and is sent again.
   */
  async read(laneId: number): Promise<Statistics> {
    for (let look = 1; look <= LOOKS; look += 1) {
      const marks = marksOf(
        await this.sql.query(`SELECT name, value FROM counter WHERE name = ANY($1::text[])`, [MARKS.map(markName)]),
      );
      const [row] = await this.sql.query<Counts>(READ, [
        laneId,
        WORKER_SILENCE_SECONDS,
        marks.execution,
        marks.job_transition,
        marks.task,
      ]);
      if (row) return statistics(row);
    }
    throw new Error('the marks of the totals move too often to be read');
  }
}

const total = (name: string) => `COALESCE((SELECT value FROM counter WHERE name = '${name}'), 0)`;

/** Ended rows of a kind that the folded total has not got yet: those behind the mark, and those that were open when it passed them. */
const unfolded = (kind: 'task' | 'execution', mark: string, states: string) =>
  `(SELECT count(*) FROM ${kind} WHERE id > ${mark} AND state IN (${states}))
   + (SELECT count(*) FROM unsettled u CROSS JOIN LATERAL (SELECT FROM ${kind} e WHERE e.id = u.id AND e.state IN (${states}) OFFSET 0) ended
      WHERE u.kind = '${kind}')`;

const READ = `
  WITH live AS MATERIALIZED (
    SELECT id FROM worker WHERE stopped_at IS NULL AND last_seen_at > clock_timestamp() - make_interval(secs => $2)
  ), slots AS (
    SELECT queue, sum(slots)::int AS n FROM worker_queue JOIN live ON live.id = worker_id GROUP BY queue
  ), runs AS (
    SELECT queue, count(*) FILTER (WHERE state = 'queued') AS pending,
           count(*) FILTER (WHERE state = 'running' AND worker_id IN (SELECT id FROM live)) AS working
    FROM execution WHERE state IN ('queued', 'running') GROUP BY queue
  ), states AS (
    SELECT state, sum(n) AS n FROM (
      SELECT split_part(name, ':', 3) AS state, value AS n FROM counter WHERE name LIKE 'jobs:' || $1::int || ':%'
      UNION ALL
      SELECT m.state, m.n FROM job_transition t
        CROSS JOIN LATERAL (SELECT lane_id FROM job WHERE id = t.job_id OFFSET 0) j
        CROSS JOIN LATERAL (VALUES (t.to_state, 1), (t.from_state, -1)) AS m (state, n)
      WHERE t.id > $4::bigint AND j.lane_id = $1 AND m.state IS NOT NULL
    ) parts GROUP BY state
  )
  SELECT l.max_running AS "maxRunning", l.reserved_slots AS "reservedSlots",
    (SELECT jsonb_object_agg(state, GREATEST(n, 0)) FROM states) AS jobs,
    (SELECT jsonb_object_agg(queue, n) FROM slots) AS slots,
    (SELECT jsonb_object_agg(queue, jsonb_build_object('working', working, 'pending', pending)) FROM runs) AS executions,
    jsonb_build_object(
      'working', (SELECT count(*) FROM delivery WHERE state = 'sending' AND lease_expires_at > clock_timestamp()),
      'pending', (SELECT count(*) FROM delivery WHERE state = 'pending' AND next_at <= clock_timestamp())) AS deliveries,
    ${total('tasks_failed')} + ${unfolded('task', '$5::bigint', `'failed'`)} AS "tasksFailed",
    ${total('executions_ended')} + ${total('executions_removed')}
      + ${unfolded('execution', '$3::bigint', `'succeeded', 'failed', 'lost'`)} AS "executionsEnded"
  FROM lane l WHERE l.id = $1 AND ${total(markName('execution'))} = $3 AND ${total(markName('job_transition'))} = $4
    AND ${total(markName('task'))} = $5`;

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
