import { jobStatesBefore, type JobState } from '@task-engine/domain';
import { unindexed } from '../sql';

/**
 * The one shape of a state change: $1 selects the jobs (`where`), $2 is the reason, further parameters belong to `set`. The guard is the
 * transition table's.
 */
export function change(to: JobState, where: string, set: string, answer = LATENESS): string {
  const sources = jobStatesBefore(to);
  const list = sources.map((state) => `'${state}'`).join(', ');
  const guard = (column: string) => unindexed(`${column} IN (${list})`);
  const update = `UPDATE job SET state = '${to}', updated_at = now(), ${set}`;
  // Where only one way leads to the state, nobody has to look which one it was: each row is visited once.
  const changed =
    sources.length === 1
      ? `changed AS (${update} WHERE ${where} AND ${guard('state')} RETURNING id, ${list} AS from_state, run_at, lane_id)`
      : `before AS (SELECT id, state FROM job WHERE ${where} AND ${guard('state')} ORDER BY id FOR NO KEY UPDATE),
         changed AS (${update} FROM before WHERE job.id = before.id AND ${guard('job.state')}
                     RETURNING job.id, before.state AS from_state, job.run_at, job.lane_id)`;
  return `WITH ${changed}, moved AS (
      INSERT INTO job_transition (job_id, from_state, to_state, reason) SELECT id, from_state, '${to}', $2 FROM changed
    ) ${answer}`;
}

/** What a change answers of each job unless its caller wants something else. */
const LATENESS = `SELECT id, EXTRACT(EPOCH FROM clock_timestamp() - run_at)::float8 AS "lateSeconds", lane_id AS "laneId" FROM changed`;
