import { bigints, type Sql, unindexed, unseen } from '../sql';
import { storableText } from '../storable';
import { PULL_QUEUE } from './pull-queue';
import { JOB_COLUMNS, type JobRecord } from './job.store';
import { type QueuedExecution, TASK_OF_ROW, taskOfRow, type TaskOfRow, type TaskRecord } from './task.store';

/** Why an execution exists: the history's answer to "why did this run again?". */
export type ExecutionCause = 'first' | 'retry' | 'lease_lost' | 'released';

export interface NewExecution {
  taskId: string;
  jobId: string;
  queue: string;
  cause: ExecutionCause;
  /** Before it may be claimed; 0 by default. */
  delaySeconds?: number;
  parked?: boolean;
  lastChance?: boolean;
}

/** What a worker gets with its lease. */
export interface ClaimedExecution {
  id: string;
  token: string;
  cause: ExecutionCause;
  /** Two workers have died with it: its worker should run no other of this kind. */
  lastChance: boolean;
  /** The task starts for the first time. */
  first: boolean;
  /** What is shown as the task's start. */
  begunAt: Date;
  /** Position in the queue, as text with microseconds: where a claim of the next ones may begin to look. */
  availableAt: string;
  job: JobRecord;
  task: TaskRecord;
}

/** What to claim: the next of a queue, or these. */
export type Wanted =
  | {
      queue: string;
      limit: number;
      /** Also one on its last chance. */
      lastChance: boolean;
      /** `availableAt` of one claimed before: nothing that stands before it is looked at. */
      since?: string;
    }
  | { executionIds: string[]; lastChance: boolean };

/** An execution that is over, with what the decision about its task needs. */
export interface EndedExecution {
  id: string;
  queue: string;
  lastChance: boolean;
  task: TaskRecord;
  retryLimit: number;
  retryDelaySeconds: number;
}

export interface LostExecution {
  id: string;
  queue: string;
  /** Host and process id. */
  worker: string;
  task: TaskRecord;
}

export interface Lease {
  executionId: string;
  token: string;
}

const RUNS = unindexed(`e.state = 'running'`);
const LIVES = unindexed(`e.state IN ('queued', 'running')`);

/**
 * Executions: leases with fencing tokens. Claim, heartbeat and end all name the token; the database's clock decides
 * (statement_timestamp() where it bounds an index scan, never the transaction's start).
 */
export class ExecutionStore {
  constructor(private readonly sql: Sql) {}

  /** Queues one execution for each task. `parked` ones, of jobs that are not started, wait for `unpark`. */
  async insert(tasks: NewExecution[]): Promise<QueuedExecution[]> {
    if (tasks.length === 0) return [];
    return this.sql.prepared<QueuedExecution>(
      `INSERT INTO execution (task_id, job_id, queue, cause, available_at, parked, last_chance)
       SELECT task_id, job_id, queue, cause, clock_timestamp() + make_interval(secs => delay), parked, last_chance
       FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::float8[], $6::boolean[], $7::boolean[])
            AS new (task_id, job_id, queue, cause, delay, parked, last_chance)
       RETURNING id, queue`,
      [
        bigints(tasks.map((task) => task.taskId)),
        bigints(tasks.map((task) => task.jobId)),
        tasks.map((task) => task.queue),
        tasks.map((task) => task.cause),
        tasks.map((task) => task.delaySeconds ?? 0),
        tasks.map((task) => task.parked ?? false),
        tasks.map((task) => task.lastChance ?? false),
      ],
    );
  }

  /**
   * queued -> running with a new token, and their tasks queued -> started, in one statement. Rows that another worker holds are skipped.
   * Jobs are not locked: whoever pauses or breaks a job changes its queued executions too, and of two that change a row one comes first.
   */
  async claim(wanted: Wanted, workerId: string, leaseSeconds: number): Promise<ClaimedExecution[]> {
    const waits = `state = 'queued' AND NOT parked AND available_at <= statement_timestamp()`;
    const [usual, risky, parameters] =
      'queue' in wanted
        ? [
            `queue = $3 AND ${waits} AND NOT last_chance AND available_at >= $4::timestamptz ORDER BY available_at, id LIMIT $5`,
            `queue = $3 AND ${waits} AND last_chance AND $6 ORDER BY available_at, id LIMIT 1`,
            [wanted.queue, wanted.since ?? '-infinity', wanted.limit, wanted.lastChance],
          ]
        : [
            `id = ANY($3::bigint[]) AND ${unindexed(waits)} AND NOT last_chance ORDER BY id`,
            `id = ANY($3::bigint[]) AND ${unindexed(waits)} AND last_chance AND $4 ORDER BY id`,
            [wanted.executionIds, wanted.lastChance],
          ];
    const rows = await this.sql.prepared<ClaimedRow>(
      `WITH usual AS MATERIALIZED (SELECT id FROM execution WHERE ${usual} FOR NO KEY UPDATE SKIP LOCKED),
       risky AS MATERIALIZED (SELECT id FROM execution WHERE ${risky} FOR NO KEY UPDATE SKIP LOCKED),
       taken AS (
         UPDATE execution e SET state = 'running', token = nextval('lease_token'), worker_id = $1, started_at = clock_timestamp(),
                lease_expires_at = clock_timestamp() + make_interval(secs => $2)
         FROM (SELECT id FROM usual UNION ALL SELECT id FROM risky) free WHERE e.id = free.id AND ${unindexed(`e.state = 'queued'`)}
         RETURNING e.id, e.token, e.cause, e.last_chance, e.available_at, e.task_id, e.job_id
       ), begun AS (
         UPDATE task t SET state = 'started', started_at = COALESCE(t.started_at, now()) FROM taken
         WHERE t.id = taken.task_id AND t.state = 'queued'
       )
       SELECT taken.id AS "executionId", taken.token, taken.cause, taken.last_chance AS "lastChance", taken.available_at::text AS "availableAt",
              t.started_at IS NULL AS first, COALESCE(t.started_at, now()) AS "begunAt", ${TASK_OF_ROW}, ${JOB_COLUMNS}
       FROM taken JOIN task t ON t.id = taken.task_id JOIN job j ON j.id = taken.job_id JOIN client c ON c.id = j.client_id
       ORDER BY taken.available_at, taken.id`,
      [workerId, leaseSeconds, ...parameters],
    );
    return rows.map((row) => {
      const { executionId: id, token, cause, lastChance, first, begunAt, availableAt } = row;
      // The row holds all columns of its job, and some more: a copy of nothing but these would cost more than all else here.
      return {
        id,
        token,
        cause,
        lastChance,
        first,
        begunAt,
        availableAt,
        task: { ...taskOfRow(row), state: 'started' },
        job: row,
      };
    });
  }

  /** Renews leases; answers those that are still held. What is missing was lost or stopped: its worker must stop working. */
  async heartbeat(leases: Lease[], leaseSeconds: number): Promise<string[]> {
    const rows = await this.sql.prepared<{ id: string }>(
      `UPDATE execution e SET lease_expires_at = clock_timestamp() + make_interval(secs => $3)
       FROM unnest(${unseen('$1', 'bigint[]')}, $2::bigint[]) AS held (id, token)
       WHERE e.id = held.id AND e.token = held.token AND ${RUNS} RETURNING e.id`,
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
    const rows = await this.sql.prepared<EndedRow>(
      `WITH report AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS r (id, token, state, error)),
       held AS MATERIALIZED (
         SELECT e.id FROM execution e JOIN report USING (id) WHERE e.token = report.token AND ${RUNS}
         ORDER BY e.id FOR NO KEY UPDATE OF e
       ), ended AS (
         UPDATE execution e SET state = report.state, error = report.error, finished_at = clock_timestamp(), lease_expires_at = NULL
         FROM report, held WHERE e.id = held.id AND report.id = e.id AND e.token = report.token AND ${RUNS}
         RETURNING e.id, e.task_id, e.job_id, e.queue, e.last_chance
       )
       SELECT ended.id AS "executionId", ended.queue, ended.last_chance AS "lastChance", ${TASK_OF_ROW},
              l.retry_limit AS "retryLimit", l.retry_delay_seconds AS "retryDelaySeconds"
       FROM ended JOIN task t ON t.id = ended.task_id JOIN job j ON j.id = ended.job_id JOIN lane l ON l.id = j.lane_id
       ORDER BY ended.task_id`,
      [
        bigints(reports.map((report) => report.executionId)),
        bigints(reports.map((report) => report.token)),
        reports.map((report) => report.state),
        reports.map((report) => (report.error === null ? null : storableText(report.error))),
      ],
    );
    return rows.map((row) => {
      const { executionId: id, queue, lastChance, retryLimit, retryDelaySeconds } = row;
      return { id, queue, lastChance, retryLimit, retryDelaySeconds, task: taskOfRow(row) };
    });
  }

  /** Executions of the engine's own workers whose leases ran out, for `expire`, and their jobs, which the caller locks first. */
  async late(limit: number): Promise<{ id: string; jobId: string }[]> {
    return this.sql.prepared(
      `SELECT id, job_id AS "jobId" FROM execution
       WHERE state = 'running' AND lease_expires_at < statement_timestamp() AND queue <> '${PULL_QUEUE}'
       ORDER BY lease_expires_at LIMIT $1`,
      [limit],
    );
  }

  /** running -> lost where the lease ran out, and counts the loss. */
  async expire(ids: string[]): Promise<LostExecution[]> {
    const rows = await this.sql.query<LostRow>(
      `WITH late AS MATERIALIZED (
         SELECT e.id FROM execution e WHERE e.id = ANY($1::bigint[]) AND ${RUNS} AND e.lease_expires_at < statement_timestamp()
         ORDER BY e.id FOR NO KEY UPDATE SKIP LOCKED
       ), lost AS (
         UPDATE execution e SET state = 'lost', finished_at = clock_timestamp(), error = 'lease expired', lease_expires_at = NULL
         FROM late WHERE e.id = late.id AND ${RUNS} RETURNING e.id, e.task_id, e.queue, e.worker_id
       ), counted AS (
         UPDATE task SET lost_leases = lost_leases + 1 FROM lost WHERE task.id = lost.task_id
       )
       SELECT lost.id AS "executionId", lost.queue, COALESCE(w.host || ':' || w.pid, lost.worker_id::text) AS worker, ${TASK_OF_ROW}
       FROM lost JOIN task t ON t.id = lost.task_id LEFT JOIN worker w ON w.id = lost.worker_id ORDER BY lost.task_id`,
      [ids],
    );
    return rows.map((row) => {
      const { executionId: id, queue, worker, lostLeases } = row;
      return { id, queue, worker, task: { ...taskOfRow(row), lostLeases: lostLeases + 1 } };
    });
  }

  /** Ends what a broken job still has; answers the running ones, whose workers must be told. */
  async stop(jobId: string): Promise<string[]> {
    const rows = await this.sql.query<{ id: string; running: boolean }>(
      `WITH live AS (SELECT e.id, e.state FROM execution e WHERE e.job_id = $1 AND ${LIVES} ORDER BY e.id FOR NO KEY UPDATE)
       UPDATE execution e SET state = 'stopped', finished_at = clock_timestamp(), lease_expires_at = NULL
       FROM live WHERE e.id = live.id AND ${LIVES} RETURNING e.id, live.state = 'running' AS running`,
      [jobId],
    );
    return rows.filter((row) => row.running).map((row) => row.id);
  }

  /**
   * Ends what a job that its client has stopped still waits with. Waits for a claim that is about to take it.
   * @returns whether one of its executions runs, so that its worker has to end it
   */
  async endWaiting(jobId: string): Promise<boolean> {
    await this.sql.query(
      `UPDATE execution SET state = 'stopped', finished_at = clock_timestamp() WHERE job_id = $1 AND ${unindexed(`state = 'queued'`)}`,
      [jobId],
    );
    // a statement of its own: it sees the claim that the one before has waited for
    const rows = await this.sql.query(`SELECT FROM execution WHERE job_id = $1 AND ${unindexed(`state = 'running'`)}`, [
      jobId,
    ]);
    return rows.length > 0;
  }

  /** Takes what waits of a job that is paused out of its queue. Waits for a claim that is about to take it. */
  async park(jobId: string): Promise<void> {
    await this.sql.query(
      `UPDATE execution SET parked = true WHERE job_id = $1 AND ${unindexed(`state = 'queued'`)} AND NOT parked`,
      [jobId],
    );
  }

  /** Puts what waits of jobs that were resumed back into its queue. */
  async unpark(jobIds: string[]): Promise<QueuedExecution[]> {
    if (jobIds.length === 0) return [];
    return this.sql.query<QueuedExecution>(
      `UPDATE execution SET parked = false WHERE job_id = ANY($1::bigint[]) AND ${unindexed(`state = 'queued'`)} AND parked RETURNING id, queue`,
      [jobIds],
    );
  }

  /** Seconds until the next delayed retry of a queue; null when none is delayed. (Those on their last chance are found by the next poll.) */
  async nextAvailable(queue: string): Promise<number | null> {
    const [row] = await this.sql.prepared<{ seconds: number | null }>(
      `SELECT EXTRACT(EPOCH FROM min(available_at) - clock_timestamp())::float8 AS seconds
       FROM execution WHERE queue = $1 AND state = 'queued' AND NOT parked AND NOT last_chance AND available_at > statement_timestamp()`,
      [queue],
    );
    return row!.seconds;
  }

  /** How long the oldest execution of each queue has waited for a worker, in seconds. */
  async oldest(): Promise<{ queue: string; seconds: number }[]> {
    return this.sql.query(
      `SELECT queue, EXTRACT(EPOCH FROM clock_timestamp() - min(available_at))::float8 AS seconds
       FROM execution WHERE state = 'queued' AND NOT parked AND available_at <= statement_timestamp() GROUP BY queue`,
    );
  }

  /** When the first lease runs out. */
  async nextExpiry(): Promise<Date | null> {
    const [row] = await this.sql.prepared<{ at: Date | null }>(
      `SELECT min(lease_expires_at) AS at FROM execution WHERE state = 'running'`,
    );
    return row?.at ?? null;
  }
}

type ClaimedRow = Omit<ClaimedExecution, 'id' | 'job' | 'task'> & { executionId: string } & TaskOfRow & JobRecord;

type LostRow = Omit<LostExecution, 'id' | 'task'> & { executionId: string } & TaskOfRow;

type EndedRow = Omit<EndedExecution, 'id' | 'task'> & { executionId: string } & TaskOfRow;
