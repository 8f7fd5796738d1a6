import { FINAL_JOB_STATES, type JobState, type JsonObject, type WaitReason } from '@task-engine/domain';
import { bigints, type Sql, unseen } from '../sql';
import { storableText } from '../storable';
import { change } from './job-change';

export interface JobRecord {
  id: string;
  laneId: number;
  clientId: number;
  client: string;
  workflow: string;
  definitionDigest: string;
  /** Parameters completed with defaults, for the tasks. */
  parameters: JsonObject;
  priority: number;
  position: number;
  topOfQueue: boolean;
  state: JobState;
  waitReason: WaitReason | null;
  runAt: Date;
  semaphoreUrl: string | null;
  persist: boolean;
  rerunOf: string | null;
  error: string | null;
  createdAt: Date;
  /** Null until it was started for the first time. */
  startedAt: Date | null;
}

export interface SubmittedJobRecord extends JobRecord {
  /** Parameters exactly as submitted. */
  submitted: JsonObject;
}

export interface NewJob {
  laneId: number;
  clientId: number;
  workflow: string;
  definitionDigest: string;
  submitted: JsonObject;
  parameters: JsonObject;
  priority: number;
  state: Extract<JobState, 'scheduled' | 'queued'>;
  waitReason: WaitReason | null;
  /** Null: at once. */
  runAt: Date | null;
  semaphoreUrl: string | null;
  persist: boolean;
  rerunOf?: string;
  /** First rows of the job's log. */
  log: { severity: number; progname: string; message: string }[];
}

/** All but `submitted`, which only readers of a single job want. Of `job j JOIN client c`. */
export const JOB_COLUMNS = `j.id, j.lane_id AS "laneId", j.client_id AS "clientId", c.name AS client, j.workflow,
  j.definition_digest AS "definitionDigest", j.parameters, j.priority, j.position, j.top_of_queue AS "topOfQueue",
  j.state, j.wait_reason AS "waitReason", j.run_at AS "runAt", j.semaphore_url AS "semaphoreUrl", j.persist,
  j.rerun_of AS "rerunOf", j.error, j.created_at AS "createdAt", j.started_at AS "startedAt"`;

/** Tables whose rows go with their job. */
const BELONGINGS = [
  'task',
  'execution',
  'job_log',
  'job_transition',
  'run',
  'run_output',
  'pull_task',
  'pull_vote',
  'graph_task',
  'graph_wait',
];

/** What else goes: what it waits for, and callbacks with their attempts; what webhooks were told outlives it. Edges from it to tasks that wait for it stay: these say that it is gone. */
const FURTHER_BELONGINGS = `
  edges_gone AS (DELETE FROM graph_edge e USING (SELECT job_id, unnest(dependencies) AS parent_id FROM graph_task WHERE job_id = ANY($1::bigint[])) d
                 WHERE e.parent_id = d.parent_id AND e.job_id = d.job_id),
  delivery_gone AS (DELETE FROM delivery WHERE job_id = ANY($1::bigint[]) AND webhook_id IS NULL)`;

/**
 * Jobs. Every change of state goes through `change`: one guarded UPDATE whose allowed sources come from the transition table,
 * with its job_transition rows in the same statement.
 */
export class JobStore {
  constructor(private readonly sql: Sql) {}

  /** Jobs, their first transitions and their first log rows, in one statement: one round trip, one commit. Ids in the order given. */
  async insert(jobs: NewJob[]): Promise<string[]> {
    const lines = jobs.flatMap((job, index) => job.log.map((line) => ({ ...line, n: index + 1 })));
    const rows = await this.sql.prepared<{ id: string }>(
      `WITH new AS MATERIALIZED (
         SELECT nextval(pg_get_serial_sequence('job', 'id')) AS id, r.*
         FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::smallint[], $8::text[], $9::text[],
                     $10::timestamptz[], $11::text[], $12::boolean[], $13::bigint[])
              WITH ORDINALITY AS r (lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, wait_reason,
                                    run_at, semaphore_url, persist, rerun_of, n)
       ), kept AS (
         INSERT INTO job (id, lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, wait_reason,
                          run_at, semaphore_url, persist, rerun_of)
         SELECT id, lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, wait_reason,
                COALESCE(run_at, now()), semaphore_url, persist, rerun_of FROM new
       ), moved AS (
         INSERT INTO job_transition (job_id, to_state, reason) SELECT id, state, 'submitted' FROM new
       ), logged AS (
         INSERT INTO job_log (job_id, severity, progname, message)
         SELECT new.id, line.severity, line.progname, line.message
         FROM unnest($14::bigint[], $15::smallint[], $16::text[], $17::text[]) WITH ORDINALITY AS line (n, severity, progname, message, position)
              JOIN new USING (n)
         ORDER BY line.position
       )
       SELECT id FROM new ORDER BY n`,
      [
        bigints(jobs.map((job) => job.laneId)),
        bigints(jobs.map((job) => job.clientId)),
        jobs.map((job) => job.workflow),
        jobs.map((job) => job.definitionDigest),
        jobs.map((job) => JSON.stringify(job.submitted)),
        jobs.map((job) => JSON.stringify(job.parameters)),
        bigints(jobs.map((job) => job.priority)),
        jobs.map((job) => job.state),
        jobs.map((job) => job.waitReason),
        jobs.map((job) => job.runAt),
        jobs.map((job) => job.semaphoreUrl),
        jobs.map((job) => job.persist),
        jobs.map((job) => job.rerunOf ?? null),
        bigints(lines.map((line) => line.n)),
        bigints(lines.map((line) => line.severity)),
        lines.map((line) => line.progname),
        lines.map((line) => line.message),
      ],
    );
    return rows.map((row) => row.id);
  }

  /** An id of the job sequence that no job will have: what a rejected submission is answered with. */
  async reserveId(): Promise<string> {
    const [row] = await this.sql.query<{ id: string }>(`SELECT nextval(pg_get_serial_sequence('job', 'id')) AS id`);
    return row!.id;
  }

  async find(id: string): Promise<SubmittedJobRecord | undefined> {
    const rows = await this.sql.query<SubmittedJobRecord>(
      `SELECT ${JOB_COLUMNS}, j.submitted FROM job j JOIN client c ON c.id = j.client_id WHERE j.id = $1`,
      [id],
    );
    return rows[0];
  }

  async findAll(ids: string[]): Promise<JobRecord[]> {
    return this.sql.query<JobRecord>(
      `SELECT ${JOB_COLUMNS} FROM job j JOIN client c ON c.id = j.client_id WHERE j.id = ANY($1::bigint[])`,
      [ids],
    );
  }

  /** Locks the client's job of the lane until the end of the transaction. Undefined for an unknown id and for another client's or lane's job. */
  async lock(id: string, clientId: number, laneId: number): Promise<SubmittedJobRecord | undefined> {
    const rows = await this.sql.query<SubmittedJobRecord>(
      `SELECT ${JOB_COLUMNS}, j.submitted FROM job j JOIN client c ON c.id = j.client_id WHERE j.id = $1 AND j.client_id = $2 AND j.lane_id = $3
       FOR NO KEY UPDATE OF j`,
      [id, clientId, laneId],
    );
    return rows[0];
  }

  /** Locks the jobs, in order of id (every batch locks in that order). */
  async lockAll(ids: string[]): Promise<JobRecord[]> {
    return this.sql.prepared<JobRecord>(
      `SELECT ${JOB_COLUMNS} FROM job j JOIN client c ON c.id = j.client_id
       WHERE j.id = ANY(${unseen('$1', 'bigint[]')}) ORDER BY j.id FOR NO KEY UPDATE OF j`,
      [bigints(ids)],
    );
  }

  /** The same, for callers who know the rest: answers what may have changed. */
  async lockStates(ids: string[]): Promise<Pick<JobRecord, 'id' | 'state' | 'priority' | 'runAt'>[]> {
    return this.sql.prepared(
      `SELECT id, state, priority, run_at AS "runAt" FROM job WHERE id = ANY(${unseen('$1', 'bigint[]')}) ORDER BY id FOR NO KEY UPDATE`,
      [bigints(ids)],
    );
  }

  /** Locks started jobs whose definition's `timeout` (seconds) has passed since they started. */
  async lockOverdue(limit: number): Promise<JobRecord[]> {
    return this.sql.query<JobRecord>(
      `SELECT ${JOB_COLUMNS} FROM job j JOIN client c ON c.id = j.client_id JOIN definition d ON d.digest = j.definition_digest
       WHERE j.state = 'started' AND (d.body->>'timeout')::float8 > 0
         AND j.started_at + make_interval(secs => (d.body->>'timeout')::float8) < statement_timestamp()
       ORDER BY j.id LIMIT $1 FOR NO KEY UPDATE OF j SKIP LOCKED`,
      [limit],
    );
  }

  /** started -> completed. Returns the ids that changed. */
  async complete(ids: string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await this.sql.prepared<{ id: string }>(
      change('completed', `id = ANY(${unseen('$1', 'bigint[]')})`, `finished_at = now()`),
      [bigints(ids), 'every task is done'],
    );
    return rows.map((row) => row.id);
  }

  /** started -> failed with the error of the failed task. */
  async fail(id: string, error: string): Promise<boolean> {
    const rows = await this.sql.query(change('failed', `id = $1`, `finished_at = now(), error = $3`), [
      id,
      'a task failed',
      storableText(error),
    ]);
    return rows.length === 1;
  }

  /** Any state but broken -> broken. False when it was broken already. */
  async break(id: string, reason: string): Promise<boolean> {
    const rows = await this.sql.query(
      change('broken', `id = $1`, `finished_at = COALESCE(finished_at, now()), wait_reason = NULL`),
      [id, reason],
    );
    return rows.length === 1;
  }

  async pause(id: string): Promise<boolean> {
    const rows = await this.sql.query(change('paused', `id = $1`, `wait_reason = 'JobPaused'`), [
      id,
      'paused by its client',
    ]);
    return rows.length === 1;
  }

  /** paused -> queued, or -> scheduled while its time or semaphore is still ahead. One that started asks only a semaphore set since. */
  async resume(id: string): Promise<JobState | undefined> {
    const ahead = `(run_at > now() OR semaphore_url IS NOT NULL AND (started_at IS NULL OR semaphore_next_at IS NOT NULL))`;
    const rows = await this.sql.query<{ state: JobState }>(
      `WITH before AS (SELECT id, state FROM job WHERE id = $1 AND state = 'paused' FOR NO KEY UPDATE),
       changed AS (
         UPDATE job SET state = CASE WHEN ${ahead} THEN 'scheduled' ELSE 'queued' END,
                        wait_reason = CASE WHEN NOT (${ahead}) THEN NULL WHEN run_at > now() THEN 'RunAt' ELSE 'Semaphore' END,
                        semaphore_next_at = CASE WHEN ${ahead} AND semaphore_url IS NOT NULL THEN now() END, updated_at = now()
         WHERE id IN (SELECT id FROM before) AND state = 'paused' RETURNING id, state
       ), moved AS (
         INSERT INTO job_transition (job_id, from_state, to_state, reason)
         SELECT id, 'paused', state, 'resumed by its client' FROM changed
       ) SELECT state FROM changed`,
      [id],
    );
    return rows[0]?.state;
  }

  async setPriority(id: string, priority: number): Promise<boolean> {
    return this.set(
      id,
      'priority',
      priority,
      `state NOT IN (${FINAL_JOB_STATES.map((state) => `'${state}'`).join(', ')})`,
    );
  }

  async setPersist(id: string, persist: boolean): Promise<boolean> {
    return this.set(id, 'persist', persist, 'true');
  }

  private async set(id: string, column: 'priority' | 'persist', value: unknown, guard: string): Promise<boolean> {
    const rows = await this.sql.query(
      `UPDATE job SET ${column} = $2, updated_at = now() WHERE id = $1 AND ${guard} RETURNING id`,
      [id, value],
    );
    return rows.length === 1;
  }

  /**
   * Started jobs that a lost hint may have left standing: a task ended more than `seconds` ago, and either none of their executions is
   * alive or a task still waits (it may wait for a sibling that runs, then advancing finds nothing to do).
   */
  async stalled(seconds: number, limit: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `SELECT j.id FROM job j WHERE j.state = 'started'
         AND j.updated_at < statement_timestamp() - make_interval(secs => $1)
         AND NOT EXISTS (SELECT FROM task t WHERE t.job_id = j.id AND t.finished_at > statement_timestamp() - make_interval(secs => $1))
         AND (NOT EXISTS (SELECT FROM execution e WHERE e.job_id = j.id AND e.state IN ('queued', 'running'))
              OR (EXISTS (SELECT FROM task t WHERE t.job_id = j.id AND t.state = 'waiting')
                  AND EXISTS (SELECT FROM task t WHERE t.job_id = j.id AND t.finished_at IS NOT NULL)))
       ORDER BY j.id LIMIT $2`,
      [seconds, limit],
    );
    return rows.map((row) => row.id);
  }

  /**
   * Locks up to `limit` jobs that finished more than `days` days ago and are not kept, the oldest first. No stronger than other changes do,
   * although they will be deleted: whoever writes their search texts holds the marks, and is neither skipped nor waited for in a circle.
   */
  async lockFinished(days: number, limit: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `SELECT id FROM job WHERE NOT persist AND finished_at IS NOT NULL AND finished_at < now() - make_interval(days => $1)
       ORDER BY finished_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED`,
      [days, limit],
    );
    return rows.map((row) => row.id);
  }

  /** Deletes jobs; their rows go with them. Totals must have forgotten them in the same transaction. */
  async delete(ids: string[]): Promise<void> {
    const belongings = BELONGINGS.map(
      (table) => `${table}_gone AS (DELETE FROM ${table} WHERE job_id = ANY($1::bigint[]))`,
    );
    await this.sql.query(
      `WITH ${belongings.join(', ')}, ${FURTHER_BELONGINGS} DELETE FROM job WHERE id = ANY($1::bigint[])`,
      [bigints(ids)],
    );
  }
}
