import {
  FINAL_JOB_STATES,
  jobStatesBefore,
  type JobState,
  type JsonObject,
  type WaitReason,
} from '@task-engine/domain';
import type { Sql } from '../sql';

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

export interface QueuedJob {
  id: string;
  priority: number;
  clientId: number;
  waitReason: WaitReason | null;
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
      `SELECT ${COLUMNS} FROM job j JOIN client c ON c.id = j.client_id WHERE j.id = $1 AND j.client_id = $2 FOR UPDATE OF j`,
      [id, clientId],
    );
    return rows[0];
  }

  /** Locks those of the jobs that are started, in order of id (every batch locks in that order). */
  async lockStarted(ids: string[]): Promise<JobRecord[]> {
    return this.sql.query<JobRecord>(
      `SELECT ${COLUMNS} FROM job j JOIN client c ON c.id = j.client_id
       WHERE j.id = ANY($1::bigint[]) AND j.state = 'started' ORDER BY j.id FOR UPDATE OF j`,
      [ids],
    );
  }

  /** Locks started jobs whose definition's `timeout` (seconds) has passed since they started. */
  async lockOverdue(limit: number): Promise<JobRecord[]> {
    return this.sql.query<JobRecord>(
      `SELECT ${COLUMNS} FROM job j JOIN client c ON c.id = j.client_id JOIN definition d ON d.digest = j.definition_digest
       WHERE j.state = 'started' AND (d.body->>'timeout')::float8 > 0
         AND j.started_at + make_interval(secs => (d.body->>'timeout')::float8) < statement_timestamp()
       ORDER BY j.id LIMIT $1 FOR UPDATE OF j SKIP LOCKED`,
      [limit],
    );
  }

  /** Jobs in dispatch order, at most `limit`: of clients without a cap from the lane's queue, of capped ones at most their room. */
  async queued(laneId: number, limit: number, rooms: { clientId: number; room: number }[]): Promise<QueuedJob[]> {
    return this.sql.query<QueuedJob>(
      `WITH capped AS (SELECT * FROM unnest($3::int[], $4::int[]) AS t (client_id, room)),
       open AS (
         SELECT id FROM job WHERE lane_id = $1 AND state = 'queued' AND client_id <> ALL($3::int[])
         ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT $2
       ), roomy AS (
         SELECT own.id FROM capped CROSS JOIN LATERAL (
           SELECT id FROM job WHERE lane_id = $1 AND state = 'queued' AND client_id = capped.client_id
           ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT LEAST(capped.room, $2)
         ) own
       )
       SELECT id, priority, client_id AS "clientId", wait_reason AS "waitReason" FROM job
       WHERE id IN (SELECT id FROM open UNION ALL SELECT id FROM roomy)
       ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT $2`,
      [laneId, limit, rooms.map((client) => client.clientId), rooms.map((client) => client.room)],
    );
  }

  /** Queued jobs to say a reason of: those without one, and the next in dispatch order. At most twice `limit`. */
  async waiting(laneId: number, limit: number): Promise<QueuedJob[]> {
    return this.sql.query<QueuedJob>(
      `WITH fresh AS (SELECT id FROM job WHERE lane_id = $1 AND state = 'queued' AND wait_reason IS NULL LIMIT $2),
       next AS (
         SELECT id FROM job WHERE lane_id = $1 AND state = 'queued'
         ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT $2
       )
       SELECT id, priority, client_id AS "clientId", wait_reason AS "waitReason" FROM job
       WHERE id IN (SELECT id FROM fresh UNION SELECT id FROM next)`,
      [laneId, limit],
    );
  }

  async occupancy(laneId: number, threshold: number): Promise<{ running: number; runningUnreserved: number }> {
    const [row] = await this.sql.query<{
      running: number;
      runningUnreserved: number;
    }>(
      `SELECT count(*)::int AS running, (count(*) FILTER (WHERE priority > $2))::int AS "runningUnreserved"
       FROM job WHERE lane_id = $1 AND state = 'started'`,
      [laneId, threshold],
    );
    return row!;
  }

  /** Started jobs of the clients that have a cap. */
  async cappedClients(laneId: number): Promise<{ clientId: number; cap: number; running: number }[]> {
    return this.sql.query(
      `SELECT c.id AS "clientId", c.max_running AS cap, count(j.id)::int AS running
       FROM client c LEFT JOIN job j ON j.client_id = c.id AND j.lane_id = $1 AND j.state = 'started'
       WHERE c.max_running IS NOT NULL GROUP BY c.id`,
      [laneId],
    );
  }

  /** queued -> started. The caller holds the lane's lock, which is what keeps the limits. Returns those that really started. */
  async start(ids: string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await this.sql.query<{ id: string }>(
      change('started', `id = ANY($1::bigint[])`, `started_at = COALESCE(started_at, now()), wait_reason = NULL`),
      [ids, 'admitted'],
    );
    return rows.map((row) => row.id);
  }

  async setWaitReasons(reasons: { id: string; reason: WaitReason }[]): Promise<void> {
    if (reasons.length === 0) return;
    await this.sql.query(
      `UPDATE job SET wait_reason = new.reason FROM unnest($1::bigint[], $2::text[]) AS new (id, reason)
       WHERE job.id = new.id AND job.state = 'queued'`,
      [reasons.map((entry) => entry.id), reasons.map((entry) => entry.reason)],
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
      error,
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
      `WITH before AS (SELECT id, state FROM job WHERE id = $1 AND state = 'paused' FOR UPDATE),
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

  /**
   * Sets the due time (a past one becomes now) and, unless undefined, the semaphore of a job that waits. A queued job goes back to
   * scheduled when it has to wait again; a paused one keeps its state. False when the job's state does not allow it.
   */
  async reschedule(id: string, due: { runAt?: Date; semaphoreUrl?: string | null }): Promise<boolean> {
    const rows = await this.sql.query(
      `WITH before AS (SELECT id, state FROM job WHERE id = $1 AND state IN ('scheduled', 'queued', 'paused') FOR UPDATE),
       new AS (
         SELECT j.id, before.state AS from_state, GREATEST(COALESCE($2::timestamptz, j.run_at), CASE WHEN $2 IS NULL THEN j.run_at ELSE now() END) AS run_at,
                CASE WHEN $3 THEN $4::text ELSE j.semaphore_url END AS semaphore_url
         FROM job j JOIN before USING (id)
       ), changed AS (
         UPDATE job SET run_at = new.run_at, semaphore_url = new.semaphore_url, semaphore_tries = 0,
                semaphore_next_at = CASE WHEN new.semaphore_url IS NOT NULL THEN now() END,
                state = CASE WHEN new.from_state = 'queued' AND (new.run_at > now() OR new.semaphore_url IS NOT NULL) THEN 'scheduled' ELSE new.from_state END,
                wait_reason = CASE WHEN new.from_state = 'paused' THEN 'JobPaused' WHEN new.run_at > now() THEN 'RunAt'
                                   WHEN new.semaphore_url IS NOT NULL THEN 'Semaphore'
                                   WHEN new.from_state = 'scheduled' THEN 'RunAt' ELSE job.wait_reason END,
                updated_at = now()
         FROM new WHERE job.id = new.id AND job.state = new.from_state
         RETURNING job.id, new.from_state, job.state AS to_state
       ), moved AS (
         INSERT INTO job_transition (job_id, from_state, to_state, reason)
         SELECT id, from_state, to_state, 'rescheduled by its client' FROM changed WHERE from_state <> to_state
       ) SELECT id FROM changed`,
      [id, due.runAt ?? null, due.semaphoreUrl !== undefined, due.semaphoreUrl ?? null],
    );
    return rows.length === 1;
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

  /** scheduled -> queued for due jobs without a semaphore, oldest due time first. Several callers share the work (SKIP LOCKED). */
  async releaseDue(limit: number): Promise<{ id: string; lateSeconds: number }[]> {
    const due = `id IN (SELECT id FROM job WHERE state = 'scheduled' AND GREATEST(run_at, semaphore_next_at) <= statement_timestamp()
      AND semaphore_url IS NULL ORDER BY GREATEST(run_at, semaphore_next_at) LIMIT $1 FOR UPDATE SKIP LOCKED)`;
    return this.sql.query(change('queued', due, `wait_reason = NULL`), [limit, 'run_at has come']);
  }

  /**
   * Takes due semaphores for probing and moves their next time on by `holdSeconds`, so a probe that is lost is repeated.
   */
  async takeDueSemaphores(limit: number, holdSeconds: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `UPDATE job SET semaphore_next_at = clock_timestamp() + make_interval(secs => $2), wait_reason = 'Semaphore'
       WHERE id IN (SELECT id FROM job WHERE state = 'scheduled' AND GREATEST(run_at, semaphore_next_at) <= statement_timestamp()
                    AND semaphore_url IS NOT NULL ORDER BY GREATEST(run_at, semaphore_next_at) LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [limit, holdSeconds],
    );
    return rows.map((row) => row.id);
  }

  /** The semaphore of a job that still waits for it. */
  async semaphore(id: string): Promise<{ url: string; tries: number } | undefined> {
    const rows = await this.sql.query<{ url: string; tries: number }>(
      `SELECT semaphore_url AS url, semaphore_tries AS tries FROM job
       WHERE id = $1 AND state = 'scheduled' AND semaphore_url IS NOT NULL AND run_at <= statement_timestamp()`,
      [id],
    );
    return rows[0];
  }

  /** The semaphore said yes: scheduled -> queued, if the URL probed is still the job's. */
  async openSemaphore(id: string, url: string): Promise<boolean> {
    const rows = await this.sql.query(
      change('queued', `id = $1 AND semaphore_url = $3 AND run_at <= statement_timestamp()`, `wait_reason = NULL`),
      [id, 'semaphore answered yes', url],
    );
    return rows.length === 1;
  }

  async closeSemaphore(id: string, url: string, delaySeconds: number): Promise<void> {
    await this.sql.query(
      `UPDATE job SET semaphore_tries = semaphore_tries + 1, semaphore_next_at = clock_timestamp() + make_interval(secs => $3)
       WHERE id = $1 AND state = 'scheduled' AND semaphore_url = $2`,
      [id, url, delaySeconds],
    );
  }

  /** The earliest time at which a scheduled job wants attention, and the database's clock. */
  async nextDue(): Promise<{ at: Date | null; now: Date }> {
    const [row] = await this.sql.query<{ at: Date | null; now: Date }>(
      `SELECT (SELECT min(GREATEST(run_at, semaphore_next_at)) FROM job WHERE state = 'scheduled') AS at, clock_timestamp() AS now`,
    );
    return row!;
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
         ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED
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

/**
 * The one shape of a state change: $1 selects the jobs (`where`), $2 is the reason, further parameters belong to `set`.
 * `before` locks and remembers the old state; the guard repeats the transition table's sources.
 */
function change(to: JobState, where: string, set: string): string {
  const sources = jobStatesBefore(to)
    .map((state) => `'${state}'`)
    .join(', ');
  return `WITH before AS (SELECT id, state FROM job WHERE ${where} AND state IN (${sources}) ORDER BY id FOR UPDATE),
    changed AS (
      UPDATE job SET state = '${to}', updated_at = now(), ${set} FROM before
      WHERE job.id = before.id AND job.state IN (${sources}) RETURNING job.id, before.state AS from_state, job.run_at
    ), moved AS (
      INSERT INTO job_transition (job_id, from_state, to_state, reason) SELECT id, from_state, '${to}', $2 FROM changed
    ) SELECT id, EXTRACT(EPOCH FROM clock_timestamp() - run_at)::float8 AS "lateSeconds" FROM changed`;
}
