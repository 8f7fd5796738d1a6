import type { Client } from 'pg';

/** Jobs written in one transaction. */
const BATCH = 50_000;
/** Days over which the end of the copies is spread: fewer than the retention keeps. */
const DAYS = 20;
/** Tables that a finished job has rows in, `job` and `task` first: the ids of their copies are known in advance. */
const TABLES = ['job', 'task', 'execution', 'job_transition', 'job_log'] as const;

/**
 * Fills the tables with copies of a job that really was finished by the suite: each with all its rows (transitions, task, execution, log),
 * the same in all but ids and times. Written by SQL in one go, then vacuumed, as a database looks that has run for weeks.
 * @param template id of a finished job with one task
 * @param progress told how many there are so far
 * @returns the id before the first copy's: copies have the ids from there on, in order
 */
export async function copyFinishedJob(
  client: Client,
  template: string,
  count: number,
  progress: (written: number) => void = () => undefined,
): Promise<bigint> {
  const base = await highestId(client, 'job');
  const taskBase = await highestId(client, 'task');
  const statements: string[] = [];
  for (const table of TABLES) statements.push(await copyStatement(client, table));
  try {
    // the copies' references are right by construction: checking ten million of them would take longer than writing them
    await client.query(`SET session_replication_role = replica`);
    await client.query(`SET synchronous_commit = off`);
    for (let from = 1; from <= count; from += BATCH) {
      const to = Math.min(from + BATCH - 1, count);
      await client.query('BEGIN');
      for (const statement of statements) await client.query(statement, [template, from, to, count, base, taskBase]);
      await client.query('COMMIT');
      progress(to);
    }
  } finally {
    await client.query('RESET session_replication_role');
    await client.query('RESET synchronous_commit');
  }
  for (const table of ['job', 'task'])
    await client.query(`SELECT setval(pg_get_serial_sequence('${table}', 'id'), (SELECT max(id) FROM ${table}))`);
  for (const table of TABLES) await client.query(`VACUUM (ANALYZE) ${table}`);
  return base;
}

async function highestId(client: Client, table: string): Promise<bigint> {
  const { rows } = await client.query<{ id: string }>(`SELECT COALESCE(max(id), 0) AS id FROM ${table}`);
  return BigInt(rows[0]!.id);
}

/**
 * $1 the template, $2 to $3 the numbers of the copies, $4 how many in all, $5 and $6 the ids before the first job's and task's. Columns come
 * from the catalogue, so a new one is copied as well.
 */
async function copyStatement(client: Client, table: (typeof TABLES)[number]): Promise<string> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [table],
  );
  const named = rows.filter(({ name }) => name !== 'id' || table === 'job' || table === 'task');
  const values = named.map(({ name, type }) => {
    if (name === 'job_id' || (name === 'id' && table === 'job')) return '$5::bigint + n';
    if (name === 'id') return '$6::bigint + n';
    if (name === 'task_id') return 'CASE WHEN t.task_id = 0 THEN 0 ELSE $6::bigint + n END';
    if (type.startsWith('timestamp'))
      return `t.${name} - make_interval(days => ${DAYS}) * (($4::int - n)::float8 / $4::int)`;
    return `t.${name}`;
  });
  const key = table === 'job' ? 't.id' : 't.job_id';
  return `INSERT INTO ${table} (${named.map(({ name }) => name).join(', ')}) OVERRIDING SYSTEM VALUE
    SELECT ${values.join(', ')} FROM generate_series($2::int, $3::int) n, ${table} t
    WHERE ${key} = $1::bigint AND $5::bigint IS NOT NULL AND $6::bigint IS NOT NULL AND $4::int > 0
    ORDER BY n${table === 'job' ? '' : ', t.id'}`;
}
