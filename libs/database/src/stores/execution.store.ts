import { LAST_CHANCE_LEASES } from '@task-engine/domain';
import type { Sql } from '../sql';
import { storableText } from '../storable';

/** Why an execution exists: the history's answer to "why did this run again?". */
export type ExecutionCause = 'first' | 'retry' | 'lease_lost' | 'released';

export interface QueuedExecution {
  id: string;
  queue: string;
}

/** What a worker gets with its lease. */
export interface ClaimedExecution {
  id: string;
  token: string;
  queue: string;
  taskId: string;
  taskName: string;
  tries: number;
  jobId: string;
  cause: ExecutionCause;
}

/** An execution that is over, with what the decision about its task needs. */
export interface EndedExecution {
  id: string;
  taskId: string;
  taskName: string;
  tries: number;
  queue: string;
  jobId: string;
  retryLimit: number;
  retryDelaySeconds: number;
}

export interface Lease {
  executionId: string;
  token: string;
}

/**
 * Executions: leases with fencing tokens. Claim, heartbeat and end all name the token; the database's clock decides
 * (statement_timestamp() where it bounds an index scan, never the transaction's start).
 */
export class ExecutionStore {
  constructor(private readonly sql: Sql) {}

  /** Queues one execution for each task. Those due now count as dispatched: the caller hints them to Bull after COMMIT. */
  async insert(
    tasks: { taskId: string; jobId: string; queue: string }[],
    cause: ExecutionCause,
    delaySeconds = 0,
  ): Promise<QueuedExecution[]> {
    if (tasks.length === 0) return [];
    return this.sql.query<QueuedExecution>(
      `INSERT INTO execution (task_id, job_id, queue, cause, available_at, dispatched_at)
       SELECT task_id, job_id, queue, $4, clock_timestamp() + make_interval(secs => $5), CASE WHEN $5 = 0 THEN clock_timestamp() END
       FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS new (task_id, job_id, queue)
       RETURNING id, queue`,
      [
        tasks.map((task) => task.taskId),
        tasks.map((task) => task.jobId),
        tasks.map((task) => task.queue),
        cause,
        delaySeconds,
      ],
    );
  }

  /**
   * queued -> running with a new token. Jobs are locked first (FOR SHARE: a pause or break either waits for the claim or is seen by
   * it), then executions, as everywhere. Rows that another worker holds are skipped, and so are tasks on their last chance unless
   * the worker asks for them.
   */
  async claim(ids: string[], workerId: string, leaseSeconds: number, lastChance: boolean): Promise<ClaimedExecution[]> {
    return this.sql.query<ClaimedExecution>(
      `WITH held AS MATERIALIZED (
         SELECT id FROM job WHERE state = 'started' AND id IN (SELECT job_id FROM execution WHERE id = ANY($1::bigint[]))
         ORDER BY id FOR SHARE
       ), free AS MATERIALIZED (
         SELECT e.id FROM held JOIN execution e ON e.job_id = held.id JOIN task t ON t.id = e.task_id
         WHERE e.id = ANY($1::bigint[]) AND e.state = 'queued' AND e.available_at <= statement_timestamp()
           AND ($4 OR t.lost_leases < ${LAST_CHANCE_LEASES})
         ORDER BY e.id FOR NO KEY UPDATE OF e SKIP LOCKED
       )
       UPDATE execution e SET state = 'running', token = nextval('lease_token'), worker_id = $2, started_at = clock_timestamp(),
              lease_expires_at = clock_timestamp() + make_interval(secs => $3)
       FROM free, task t WHERE e.id = free.id AND e.state = 'queued' AND t.id = e.task_id
       RETURNING e.id, e.token, e.queue, e.task_id AS "taskId", t.name AS "taskName", t.tries, e.job_id AS "jobId", e.cause`,
      [ids, workerId, leaseSeconds, lastChance],
    );
  }

  /** Whether a queued execution belongs to a task on its last chance. */
  async onLastChance(id: string): Promise<boolean> {
    const rows = await this.sql.query(
      `SELECT FROM execution e JOIN task t ON t.id = e.task_id
       WHERE e.id = $1 AND e.state = 'queued' AND t.lost_leases >= ${LAST_CHANCE_LEASES}`,
      [id],
    );
    return rows.length === 1;
  }

  /** Renews leases; answers those that are still held. What is missing was lost or stopped: its worker must stop working. */
  async heartbeat(leases: Lease[], leaseSeconds: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `UPDATE execution e SET lease_expires_at = clock_timestamp() + make_interval(secs => $3)
       FROM unnest($1::bigint[], $2::bigint[]) AS held (id, token)
       WHERE e.id = held.id AND e.token = held.token AND e.state = 'running' RETURNING e.id`,
      [leases.map((lease) => lease.executionId), leases.map((lease) => lease.token), leaseSeconds],
    );
    return rows.map((row) => row.id);
  }

  /** running -> succeeded, failed or released, where the token is still the lease's. A stale token changes nothing. */
  async end(
    reports: (Lease & {
      state: 'succeeded' | 'failed' | 'released';
      error: string | null;
    })[],
  ): Promise<EndedExecution[]> {
    return this.sql.query<EndedExecution>(
      `WITH report AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS r (id, token, state, error)),
       held AS MATERIALIZED (
         SELECT e.id FROM execution e JOIN report USING (id) WHERE e.token = report.token AND e.state = 'running'
         ORDER BY e.id FOR NO KEY UPDATE OF e
       ), ended AS (
         UPDATE execution e SET state = report.state, error = report.error, finished_at = clock_timestamp(), lease_expires_at = NULL
         FROM report, held WHERE e.id = held.id AND report.id = e.id AND e.token = report.token AND e.state = 'running'
         RETURNING e.id, e.task_id, e.job_id, e.queue
       )
       SELECT ended.id, ended.task_id AS "taskId", t.name AS "taskName", t.tries, ended.queue, ended.job_id AS "jobId",
              l.retry_limit AS "retryLimit", l.retry_delay_seconds AS "retryDelaySeconds"
       FROM ended JOIN task t ON t.id = ended.task_id JOIN job j ON j.id = ended.job_id JOIN lane l ON l.id = j.lane_id
       ORDER BY ended.task_id`,
      [
        reports.map((report) => report.executionId),
        reports.map((report) => report.token),
        reports.map((report) => report.state),
        reports.map((report) => (report.error === null ? null : storableText(report.error))),
      ],
    );
  }

  /** running -> lost where the lease ran out. */
  async expire(limit: number): Promise<
    {
      id: string;
      taskId: string;
      taskName: string;
      jobId: string;
      queue: string;
      worker: string;
    }[]
  > {
    return this.sql.query(
      `WITH late AS MATERIALIZED (
         SELECT id FROM execution WHERE state = 'running' AND lease_expires_at < statement_timestamp()
         ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
       ), lost AS (
         UPDATE execution e SET state = 'lost', finished_at = clock_timestamp(), error = 'lease expired', lease_expires_at = NULL
         FROM late WHERE e.id = late.id AND e.state = 'running' RETURNING e.id, e.task_id, e.job_id, e.queue, e.worker_id
       )
       SELECT lost.id, lost.task_id AS "taskId", t.name AS "taskName", lost.job_id AS "jobId", lost.queue,
              COALESCE(w.host || ':' || w.pid, lost.worker_id::text) AS worker
       FROM lost JOIN task t ON t.id = lost.task_id LEFT JOIN worker w ON w.id = lost.worker_id ORDER BY lost.task_id`,
      [limit],
    );
  }

  /** Ends what a broken job still has; answers the running ones, whose workers must be told. */
  async stop(jobId: string): Promise<string[]> {
    const rows = await this.sql.query<{ id: string; running: boolean }>(
      `WITH live AS (SELECT id, state FROM execution WHERE job_id = $1 AND state IN ('queued', 'running') ORDER BY id FOR NO KEY UPDATE)
       UPDATE execution e SET state = 'stopped', finished_at = clock_timestamp(), lease_expires_at = NULL
       FROM live WHERE e.id = live.id AND e.state IN ('queued', 'running') RETURNING e.id, live.state = 'running' AS running`,
      [jobId],
    );
    return rows.filter((row) => row.running).map((row) => row.id);
  }

  /** Retries whose delay is over: marked dispatched, for the caller to hint. */
  async dispatchDue(limit: number): Promise<QueuedExecution[]> {
    return this.dispatch(`dispatched_at IS NULL AND available_at <= statement_timestamp()`, 'available_at', limit);
  }

  /** Queued rows that nobody claimed for `seconds` after their hint: the hint may be lost. */
  async redispatch(seconds: number, limit: number): Promise<QueuedExecution[]> {
    return this.dispatch(
      `dispatched_at < statement_timestamp() - make_interval(secs => ${Number(seconds)})
       AND job_id IN (SELECT id FROM job WHERE state = 'started')`,
      'dispatched_at',
      limit,
    );
  }

  /** Queued executions of jobs that were resumed: their hints may have been used up while the jobs were paused. */
  async dispatchJobs(jobIds: string[]): Promise<QueuedExecution[]> {
    return this.sql.query<QueuedExecution>(
      `UPDATE execution SET dispatched_at = clock_timestamp()
       WHERE job_id = ANY($1::bigint[]) AND state = 'queued' AND available_at <= statement_timestamp() RETURNING id, queue`,
      [jobIds],
    );
  }

  /** How long the oldest execution of each queue has waited for a worker, in seconds. */
  async oldest(): Promise<{ queue: string; seconds: number }[]> {
    return this.sql.query(
      `SELECT queue, EXTRACT(EPOCH FROM clock_timestamp() - min(available_at))::float8 AS seconds
       FROM execution WHERE state = 'queued' AND available_at <= statement_timestamp() GROUP BY queue`,
    );
  }

  /** When the leader has to look next: the first delayed retry, the first lease to run out. */
  async nextDue(): Promise<Date | null> {
    const [row] = await this.sql.query<{ at: Date | null }>(
      `SELECT LEAST((SELECT min(available_at) FROM execution WHERE state = 'queued' AND dispatched_at IS NULL),
                    (SELECT min(lease_expires_at) FROM execution WHERE state = 'running')) AS at`,
    );
    return row?.at ?? null;
  }

  private async dispatch(where: string, order: string, limit: number): Promise<QueuedExecution[]> {
    return this.sql.query<QueuedExecution>(
      `UPDATE execution SET dispatched_at = clock_timestamp()
       WHERE id IN (SELECT id FROM execution WHERE state = 'queued' AND ${where} ORDER BY ${order} LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
       RETURNING id, queue`,
      [limit],
    );
  }
}
