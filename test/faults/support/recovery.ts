import type { Pool } from 'pg';
import { MARK } from './load';

/** Length of the window in which the rate is counted, in milliseconds. */
const WINDOW = 2_000;
/** Share of the rate of submission at which completions count as back. */
const BACK = 0.8;

/** Seconds from a fault's end until each part of the recovery; undefined while it has not come. */
export interface Recovery {
  /** All apps that shall run say that they are ready. */
  ready?: number;
  /** The first two seconds that complete at least 80 % of what is submitted begin. */
  rate?: number;
  /** Each job that was under way at the fault's end has taken its next step. */
  underWay?: number;
}

/** Completion times after a moment, as milliseconds since the epoch by the database's clock (the machine's own here). */
export async function completions(pool: Pool, from: number, to = Date.now()): Promise<number[]> {
  const { rows } = await pool.query<{ at: Date }>(
    `SELECT m.at FROM job_transition m JOIN job j ON j.id = m.job_id
     WHERE m.to_state = 'completed' AND m.at BETWEEN $1 AND $2 AND j.submitted->>'content_id' LIKE $3 ORDER BY m.at`,
    [new Date(from), new Date(to), `${MARK}%`],
  );
  return rows.map(({ at }) => Number(at));
}

/** The first moment from which on a whole window completes at the rate wanted; undefined when there was none yet. */
export function rateBack(times: readonly number[], from: number, now: number, rate: number): number | undefined {
  const wanted = (BACK * rate * WINDOW) / 1_000;
  return [from, ...times].find(
    (begin) => begin + WINDOW <= now && times.filter((at) => at >= begin && at < begin + WINDOW).length >= wanted,
  );
}

/**
 * When the last of the jobs that had started but not finished at a moment took its next step: a task begun, a task ended with a result, or the
 * job finished. Undefined while one has not.
 */
export async function nextSteps(pool: Pool, at: number): Promise<number | undefined> {
  const { rows } = await pool.query<{ waiting: number; last: Date | null }>(
    `SELECT count(*) FILTER (WHERE step IS NULL)::int AS waiting, max(step) AS last FROM (
       SELECT COALESCE((SELECT min(moment) FROM (
           SELECT e.started_at AS moment FROM execution e WHERE e.job_id = j.id
           UNION ALL SELECT e.finished_at FROM execution e WHERE e.job_id = j.id AND e.state IN ('succeeded', 'failed')
         ) moved WHERE moment > $1), j.finished_at) AS step
       FROM job j WHERE j.started_at <= $1 AND (j.finished_at IS NULL OR j.finished_at > $1)
         AND j.submitted->>'content_id' LIKE $2) job`,
    [new Date(at), `${MARK}%`],
  );
  const { waiting, last } = rows[0]!;
  return waiting > 0 ? undefined : Math.max(at, Number(last ?? at));
}
