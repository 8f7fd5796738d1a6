import type { Sql } from '../sql';

/** Tables with growing ids that are gone through once, in order. */
export const MARKED = ['execution', 'job_search', 'job_transition', 'task'] as const;
export type Marked = (typeof MARKED)[number];
export type Marks = Record<Marked, string>;

/** Ids that were given out at one moment, and the transactions that may still add rows up to them. */
export interface Horizon {
  /** Highest id of each. */
  ids: Marks;
  /** Transactions that were writing then: once all are over, no row at or below `ids` appears any more. */
  writers: string[];
}

/** Rows whose end is counted: the open states, and the states that count. */
const COUNTED = {
  task: { counter: 'tasks_failed', open: `'waiting', 'queued', 'started'`, counts: `'failed'` },
  execution: { counter: 'executions_ended', open: `'queued', 'running'`, counts: `'succeeded', 'failed', 'lost'` },
} as const;
type Counted = keyof typeof COUNTED;

/** Names of the counters of jobs by state are `jobs:<lane id>:<state>`. */
const JOB_COUNTER = `'jobs:' || j.lane_id || ':' || m.state`;

/**
 * Totals over everything, as numbers up to a mark in each table plus what lies behind it: a reader counts the few rows since, a writer of
 * jobs counts nothing. The leader moves the marks on. Exact at every instant, because each reader takes numbers, marks and rows from one
 * snapshot. Rejected: a counter row that every transition updates (all commits would queue up for it), and rows of differences (two more
 * inserts for each transition).
 */
export class TotalsStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Ids are given out before the transactions that use them end, in any order of ending. Whoever has got one holds the lock of a writer on
   * the table from before that until its end, so the locks tell when all is decided.
   */
  async horizon(): Promise<Horizon> {
    const [row] = await this.sql.query<Marks & { writers: string[] | null }>(
      `SELECT COALESCE((SELECT max(id) FROM execution), 0) AS execution, COALESCE((SELECT max(id) FROM job), 0) AS job_search,
              COALESCE((SELECT max(id) FROM job_transition), 0) AS job_transition, COALESCE((SELECT max(id) FROM task), 0) AS task,
              (SELECT array_agg(DISTINCT virtualtransaction) FROM pg_locks
               WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND relation IN ('execution'::regclass, 'job'::regclass, 'job_transition'::regclass, 'task'::regclass)
                 AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) AS writers`,
    );
    const { writers, ...ids } = row!;
    return { ids, writers: writers ?? [] };
  }

  /** Locks the marks until the end of the transaction: folding, deleting and counting anew take turns. */
  async lock(): Promise<Marks> {
    return marksOf(
      await this.sql.query(
        `SELECT name, value FROM counter WHERE name = ANY($1::text[]) ORDER BY name FOR NO KEY UPDATE`,
        [MARKED.map(markName)],
      ),
    );
  }

  /** Moves the marks of the counts from where they are to `to`. The caller holds the lock. */
  async fold(from: Marks, to: Marks): Promise<void> {
    await this.sql.query(
      `INSERT INTO counter (name, value)
       SELECT ${JOB_COUNTER}, sum(m.n) FROM job_transition t
         CROSS JOIN LATERAL (SELECT lane_id FROM job WHERE id = t.job_id OFFSET 0) j
         CROSS JOIN LATERAL (VALUES (t.to_state, 1), (t.from_state, -1)) AS m (state, n)
       WHERE t.id > $1 AND t.id <= $2 AND m.state IS NOT NULL GROUP BY 1 HAVING sum(m.n) <> 0
       ON CONFLICT (name) DO UPDATE SET value = counter.value + EXCLUDED.value`,
      [from.job_transition, to.job_transition],
    );
    for (const kind of Object.keys(COUNTED) as Counted[]) await this.foldEnds(kind, from[kind], to[kind]);
    for (const name of ['execution', 'job_transition', 'task'] as const) await this.mark(name, to[name]);
  }

  private async foldEnds(kind: Counted, from: string, to: string): Promise<void> {
    const { counter, open, counts } = COUNTED[kind];
    await this.sql.query(
      `WITH fresh AS (SELECT id, state FROM ${kind} WHERE id > $1 AND id <= $2),
       settled AS (
         SELECT u.id, e.state FROM unsettled u LEFT JOIN ${kind} e ON e.id = u.id
         WHERE u.kind = '${kind}' AND (e.state IS NULL OR e.state NOT IN (${open}))
       ), gone AS (DELETE FROM unsettled WHERE kind = '${kind}' AND id IN (SELECT id FROM settled)),
       left_open AS (INSERT INTO unsettled (kind, id) SELECT '${kind}', id FROM fresh WHERE state IN (${open}))
       INSERT INTO counter (name, value)
       SELECT '${counter}', count(*) FROM (SELECT state FROM fresh UNION ALL SELECT state FROM settled) ended WHERE state IN (${counts})
       ON CONFLICT (name) DO UPDATE SET value = counter.value + EXCLUDED.value`,
      [from, to],
    );
  }

  /** Moves one mark. */
  async mark(name: Marked, to: string): Promise<void> {
    await this.sql.query(`UPDATE counter SET value = $2 WHERE name = $1`, [markName(name), to]);
  }

  /**
   * Takes jobs that are about to be deleted out of the counts; their ended executions stay in the total that never goes back. The
   * caller holds the lock.
   */
  async forget(jobIds: string[], marks: Marks): Promise<void> {
    await this.sql.query(
      `WITH runs AS (
         SELECT e.id <= $2 AND u.id IS NULL AS folded, count(*) AS n
         FROM execution e LEFT JOIN unsettled u ON u.kind = 'execution' AND u.id = e.id
         WHERE e.job_id = ANY($1::bigint[]) AND e.state IN (${COUNTED.execution.counts}) GROUP BY 1
       ), changes (name, n) AS (
         SELECT 'executions_removed', sum(n) FROM runs
         UNION ALL SELECT 'executions_ended', -sum(n) FROM runs WHERE folded
         UNION ALL
         SELECT 'tasks_failed', -count(*) FROM task e LEFT JOIN unsettled u ON u.kind = 'task' AND u.id = e.id
         WHERE e.job_id = ANY($1::bigint[]) AND e.state IN (${COUNTED.task.counts}) AND e.id <= $3 AND u.id IS NULL
         UNION ALL
         SELECT 'jobs:' || lane_id || ':' || state, -count(*) FROM job WHERE id = ANY($1::bigint[]) GROUP BY lane_id, state
         UNION ALL
         SELECT ${JOB_COUNTER}, m.n FROM job j JOIN job_transition t ON t.job_id = j.id
           CROSS JOIN LATERAL (VALUES (t.to_state, 1), (t.from_state, -1)) AS m (state, n)
         WHERE j.id = ANY($1::bigint[]) AND t.id > $4 AND m.state IS NOT NULL
       ), unopened AS (
         DELETE FROM unsettled WHERE (kind = 'execution' AND id IN (SELECT id FROM execution WHERE job_id = ANY($1::bigint[])))
           OR (kind = 'task' AND id IN (SELECT id FROM task WHERE job_id = ANY($1::bigint[])))
       )
       INSERT INTO counter (name, value) SELECT name, sum(n) FROM changes GROUP BY name HAVING sum(n) <> 0
       ON CONFLICT (name) DO UPDATE SET value = counter.value + EXCLUDED.value`,
      [jobIds, marks.execution, marks.task, marks.job_transition],
    );
  }

  /** Failed tasks of these jobs are about to be open again: those that were counted are looked at again. The caller holds the lock. */
  async reopen(jobIds: string[], marks: Marks): Promise<void> {
    await this.sql.query(
      `WITH reopened AS (
         INSERT INTO unsettled (kind, id)
         SELECT 'task', e.id FROM task e WHERE e.job_id = ANY($1::bigint[]) AND e.state IN (${COUNTED.task.counts}) AND e.id <= $2
         ON CONFLICT DO NOTHING RETURNING id
       )
       UPDATE counter SET value = value - (SELECT count(*) FROM reopened) WHERE name = '${COUNTED.task.counter}'`,
      [jobIds, marks.task],
    );
  }

  /** Counts all rows up to the marks anew: whatever somebody changed by hand is right again. The caller holds the lock. */
  async recount(marks: Marks): Promise<void> {
    await this.sql.query(`DELETE FROM unsettled`);
    const open = (kind: Counted, place: number) =>
      `SELECT '${kind}', id FROM ${kind} WHERE id <= $${place} AND state IN (${COUNTED[kind].open})`;
    await this.sql.query(`INSERT INTO unsettled (kind, id) ${open('execution', 1)} UNION ALL ${open('task', 2)}`, [
      marks.execution,
      marks.task,
    ]);
    await this.sql.query(
      `WITH counted (name, value) AS (
         SELECT name, sum(n) FROM (
           SELECT 'jobs:' || lane_id || ':' || state AS name, count(*) AS n FROM job GROUP BY lane_id, state
           UNION ALL
           SELECT ${JOB_COUNTER}, -m.n FROM job_transition t JOIN job j ON j.id = t.job_id
             CROSS JOIN LATERAL (VALUES (t.to_state, 1), (t.from_state, -1)) AS m (state, n)
           WHERE t.id > $3 AND m.state IS NOT NULL
         ) parts GROUP BY name
         ${(Object.keys(COUNTED) as Counted[])
           .map(
             (kind) => `UNION ALL SELECT '${COUNTED[kind].counter}', count(*) FROM ${kind} e
               WHERE id <= ${kind === 'execution' ? '$1' : '$2'} AND state IN (${COUNTED[kind].counts})
                 AND NOT EXISTS (SELECT FROM unsettled u WHERE u.kind = '${kind}' AND u.id = e.id)`,
           )
           .join(' ')}
       ), stale AS (DELETE FROM counter WHERE name LIKE 'jobs:%' AND name NOT IN (SELECT name FROM counted))
       INSERT INTO counter (name, value) SELECT name, value FROM counted
       ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value`,
      [marks.execution, marks.task, marks.job_transition],
    );
  }

  /**
   * Writes the search texts of the next jobs in order of id.
   *
   * @param from the mark; the caller holds the lock
   * @param to no job at or below it appears any more
   * @returns the new mark
   */
  async writeSearch(from: string, to: string, limit: number): Promise<string> {
    const [row] = await this.sql.query<{ last: string; n: number }>(
      `WITH next AS (SELECT id, submitted FROM job WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3),
       written AS (INSERT INTO job_search (job_id, body) SELECT id, submitted::text FROM next ORDER BY id ON CONFLICT DO NOTHING)
       SELECT COALESCE(max(id), 0) AS last, count(*)::int AS n FROM next`,
      [from, to, limit],
    );
    const mark = row!.n < limit ? to : row!.last;
    await this.mark('job_search', mark);
    return mark;
  }
}

export function markName(name: Marked): string {
  return `mark:${name}`;
}

export function marksOf(rows: { name: string; value: string }[]): Marks {
  const values = new Map(rows.map(({ name, value }) => [name, value]));
  return Object.fromEntries(MARKED.map((name) => [name, values.get(markName(name)) ?? '0'])) as Marks;
}
