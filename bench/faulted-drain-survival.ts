import type { Client } from 'pg';

export interface Survival {
  /** When each job was completed, in ms since the epoch. */
  completions: number[];
  /** Executions beyond one for a job. */
  repeats: number;
  /** When the last job that ran again was completed, in ms since the epoch; 0 when none did. */
  lastRepeat: number;
  checked: string;
}

interface JobFacts {
  id: string;
  state: string | null;
  at: string | null;
  completions: number;
  succeeded: number;
  lost: number;
  executions: number;
}

/**
 * Checks that a killed worker cost no job and repeated no more than it had in flight.
 * @param inFlight executions that the worker held when it was killed
 * @throws Error that says what is missing or doubled
 */
export async function checkSurvived(database: Client, ids: readonly string[], inFlight: number): Promise<Survival> {
  const { rows } = await database.query<JobFacts>(
    `SELECT given.id, j.state, (extract(epoch FROM j.finished_at) * 1000)::float8 AS at,
       (SELECT count(*)::int FROM job_transition t WHERE t.job_id = given.id AND t.to_state = 'completed') AS completions,
       e.succeeded, e.lost, e.executions
     FROM unnest($1::bigint[]) AS given (id) LEFT JOIN job j USING (id), LATERAL (
       SELECT count(*) FILTER (WHERE state = 'succeeded')::int AS succeeded, count(*) FILTER (WHERE state = 'lost')::int AS lost,
              count(*)::int AS executions
       FROM execution WHERE job_id = given.id) e`,
    [ids],
  );
  const odd = rows.filter(
    ({ state, completions, succeeded, lost, executions }) =>
      state !== 'completed' || completions !== 1 || succeeded !== 1 || succeeded + lost !== executions,
  );
  if (odd.length > 0) throw new Error(`delivery is not exact: ${odd.length} jobs, the first ${JSON.stringify(odd[0])}`);
  const repeated = rows.filter(({ lost }) => lost > 0);
  const repeats = repeated.reduce((sum, { lost }) => sum + lost, 0);
  if (repeats > inFlight) throw new Error(`${repeats} executions were repeated, ${inFlight} were in flight`);
  return {
    completions: rows.map(({ at }) => Number(at)),
    repeats,
    lastRepeat: Math.max(0, ...repeated.map(({ at }) => Number(at))),
    checked: `checked: ${ids.length} jobs, each completed once; ${repeats} ran again, ${inFlight} were in flight at the kill`,
  };
}
