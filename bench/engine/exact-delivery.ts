import type { Client } from 'pg';

/**
 * Checks in PostgreSQL that of the jobs submitted each one is there, completed once, ran once and has its log.
 * @param ids of the jobs, as POST /job answered them
 * @returns a line for the results
 * @throws Error that says what is missing or doubled
 */
export async function checkDelivered(database: Client, ids: readonly string[]): Promise<string> {
  const { rows } = await database.query<{ what: string; jobs: number }>(
    `WITH submitted AS (SELECT DISTINCT unnest($1::bigint[]) AS id),
     facts AS (
       SELECT s.id, j.state,
         (SELECT count(*) FROM job_transition t WHERE t.job_id = s.id AND t.to_state = 'completed') AS completions,
         (SELECT count(*) FROM task k WHERE k.job_id = s.id AND k.state = 'completed') AS tasks,
         (SELECT count(*) FROM execution e WHERE e.job_id = s.id) AS executions,
         (SELECT count(*) FROM execution e WHERE e.job_id = s.id AND e.state = 'succeeded') AS succeeded,
         (SELECT count(*) FROM job_log l WHERE l.job_id = s.id) AS lines
       FROM submitted s LEFT JOIN job j ON j.id = s.id)
     SELECT what, count(*)::int AS jobs FROM facts, LATERAL (VALUES
       ('missing', state IS NULL), ('not completed', state <> 'completed'), ('not completed exactly once', completions <> 1),
       ('without exactly one completed task', tasks <> 1), ('not run exactly once', executions <> 1 OR succeeded <> 1),
       ('without a log', lines < 2)) AS fault(what, holds)
     WHERE holds GROUP BY what
     UNION ALL SELECT 'accepted with an id that another has too', $2::int - count(*)::int FROM submitted HAVING count(*) <> $2::int`,
    [ids, ids.length],
  );
  if (rows.length > 0)
    throw new Error(`delivery is not exact: ${rows.map((row) => `${row.jobs} ${row.what}`).join(', ')}`);
  return `checked: ${ids.length} jobs, each completed once by one execution, with its log`;
}

/**
 * Checks ids that a peer ran against those it was given.
 * @throws Error when one is missing, doubled or unknown
 */
export function checkExact(given: readonly string[], ran: readonly string[]): string {
  const expected = new Set(given);
  const seen = new Set(ran);
  const missing = given.filter((id) => !seen.has(id)).length;
  const unknown = [...seen].filter((id) => !expected.has(id)).length;
  if (missing > 0 || unknown > 0 || seen.size !== ran.length) {
    const doubled = ran.length - seen.size;
    throw new Error(`delivery is not exact: ${missing} missing, ${doubled} doubled, ${unknown} unknown`);
  }
  return `checked: ${given.length} jobs, each run once`;
}
