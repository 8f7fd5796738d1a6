import { FINAL_JOB_STATES, type JobState, type JsonObject, type WaitReason } from '@task-engine/domain';
import type { Sql } from '../sql';
import { storableText } from '../storable';
import { change } from './job-change';

export interface JobRecord {
  id: string;
  laneId: number;
  clientId: number;
  client: string;
  workflow: string;
  definitionDigest: string;
  /** Parameters exactly as submitted. */
  submitted: JsonObject;
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
  updatedAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
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

const COLUMNS = `j.id, j.lane_id AS "laneId", j.client_id AS "clientId", c.name AS client, j.workflow,
  j.definition_digest AS "definitionDigest", j.submitted, j.parameters, j.priority, j.position, j.top_of_queue AS "topOfQueue",
  j.state, j.wait_reason AS "waitReason", j.run_at AS "runAt", j.semaphore_url AS "semaphoreUrl", j.persist,
  j.rerun_of AS "rerunOf", j.error, j.created_at AS "createdAt", j.updated_at AS "updatedAt", j.started_at AS "startedAt",
  j.finished_at AS "finishedAt"`;

/**
 * Jobs. Every change of state goes through `change`: one guarded UPDATE whose allowed sources come from the transition table,
 * with its job_transition rows in the same statement.
 */
export class JobStore {
  constructor(private readonly sql: Sql) {}

  /** The job, its first transition and its first log rows, in one statement: one round trip, one commit. */
  async insert(job: NewJob): Promise<{ id: string; state: JobState }> {
    const [row] = await this.sql.query<{ id: string; state: JobState }>(
      `WITH new AS (
         INSERT INTO job (lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, wait_reason,
                          run_at, semaphore_url, persist, rerun_of)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, COALESCE($10::timestamptz, now()), $11, $12, $13)
         RETURNING id, state
       ), moved AS (
         INSERT INTO job_transition (job_id, to_state, reason) SELECT id, state, 'submitted' FROM new
       ), logged AS (
         INSERT INTO job_log (job_id, severity, progname, message)
         SELECT new.id, row.severity, row.progname, row.message
         FROM new, unnest($14::smallint[], $15::text[], $16::text[]) WITH ORDINALITY AS row (severity, progname, message, n)
         ORDER BY row.n
       )
       SELECT id, state FROM new`,
      [
        job.laneId,
        job.clientId,
        job.workflow,
        job.definitionDigest,
        JSON.stringify(job.submitted),
        JSON.stringify(job.parameters),
        job.priority,
        job.state,
        job.waitReason,
        job.runAt,
        job.semaphoreUrl,
        job.persist,
        job.rerunOf ?? null,
        job.log.map((line) => line.severity),
        job.log.map((line) => line.progname),
        job.log.map((line) => line.message),
      ],
    );
    return row!;
  }

  /** An id of the job sequence that no job will have: what a rejected submission is answered with. */
  async reserveId(): Promise<string> {
    const [row] = await this.sql.query<{ id: string }>(`SELECT nextval(pg_get_serial_sequence('job', 'id')) AS id`);
    return row!.id;
  }

  async find(id: string): Promise<JobRecord | undefined> {
    const rows = await this.sql.query<JobRecord>(
      `SELECT ${COLUMNS} FROM job j JOIN client c ON c.id = j.client_id WHERE j.id = $1`,
      [id],
    );
    return rows[0];
  }

  async findAll(ids: string[]): Promise<JobRecord[]> {
    return this.sql.query<JobRecord>(
      `SELECT ${COLUMNS} FROM job j JOIN client c ON c.id = j.client_id WHERE j.id = ANY($1::bigint[])`,
      [ids],
    );
  }

  /** Locks the client's job until the end of the transaction. Undefined for an unknown id and for another client's job. */
  async lock(id: string, clientId: number): Promise<JobRecord | undefined> {
    const rows = await this.sql.query<JobRecord>(
      `SELECT ${COLUMNS} FROM job j JOIN client c ON c.id = j.client_id WHERE j.id = $1 AND j.client_id = $2 FOR NO KEY UPDATE OF j`,
      [id, clientId],
    );
    return rows[0];
  }

  /** Locks those of the jobs that are started, in order of id (every batch locks in that order). */
  async lockStarted(ids: string[]): Promise<JobRecord[]> {
    return this.sql.query<JobRecord>(
      `SELECT ${COLUMNS} FROM job j JOIN client c ON c.id = j.client_id
       WHERE j.id = ANY($1::bigint[]) AND j.state = 'started' ORDER BY j.id FOR NO KEY UPDATE OF j`,
      [ids],
    );
  }

  /** Locks started jobs whose definition's `timeout` (seconds) has passed since they started. */
  async lockOverdue(limit: number): Promise<JobRecord[]> {
    return this.sql.query<JobRecord>(
      `SELECT ${COLUMNS} FROM job j JOIN client c ON c.id = j.client_id JOIN definition d ON d.digest = j.definition_digest
       WHERE j.state = 'started' AND (d.body->>'timeout')::float8 > 0
         AND j.started_at + make_interval(secs => (d.body->>'timeout')::float8) < statement_timestamp()
       ORDER BY j.id LIMIT $1 FOR NO KEY UPDATE OF j SKIP LOCKED`,
      [limit],
    );
  }

  /** started -> completed. Returns the ids that changed. */
  async complete(ids: string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await this.sql.query<{ id: string }>(
      change('completed', `id = ANY($1::bigint[])`, `finished_at = now()`),
      [ids, 'every task is done'],
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

  /** paused -> queued, or -> scheduled while its time or semaphore is still ahead and it never started. */
  async resume(id: string): Promise<JobState | undefined> {
    const ahead = `started_at IS NULL AND (run_at > now() OR semaphore_url IS NOT NULL)`;
    const rows = await this.sql.query<{ state: JobState }>(
      `WITH before AS (SELECT id, state FROM job WHERE id = $1 AND state = 'paused' FOR NO KEY UPDATE),
       changed AS (
         UPDATE job SET state = CASE WHEN ${ahead} THEN 'scheduled' ELSE 'queued' END,
                        wait_reason = CASE WHEN NOT (${ahead}) THEN NULL WHEN run_at > now() THEN 'RunAt' ELSE 'Semaphore' END,
                        semaphore_next_at = CASE WHEN semaphore_url IS NOT NULL THEN now() END, updated_at = now()
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

  /** Deletes up to `limit` jobs that finished more than `days` days ago and are not kept; their rows go with them. */
  async deleteFinished(days: number, limit: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `WITH old AS (
         SELECT id FROM job WHERE NOT persist AND finished_at IS NOT NULL AND finished_at < now() - make_interval(days => $1)
         ORDER BY finished_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
       ), tries AS (
         SELECT count(*) AS n FROM execution WHERE job_id IN (SELECT id FROM old) AND state IN ('succeeded', 'failed', 'lost')
       ), counted AS (
         INSERT INTO counter (name, value) SELECT 'executions_removed', n FROM tries
         ON CONFLICT (name) DO UPDATE SET value = counter.value + EXCLUDED.value
       )
       DELETE FROM job WHERE id IN (SELECT id FROM old) RETURNING id`,
      [days, limit],
    );
    return rows.map((row) => row.id);
  }
}
