import type { JsonObject, TaskState } from '@task-engine/domain';
import { bigints, type Sql, unindexed, unseen } from '../sql';
import { storableJson, storableText } from '../storable';

export interface TaskRecord {
  id: string;
  jobId: string;
  ordinal: number;
  name: string;
  queue: string;
  state: TaskState;
  tries: number;
  lostLeases: number;
  output: JsonObject | null;
  error: string | null;
}

export interface QueuedExecution {
  id: string;
  queue: string;
}

export interface NewTask {
  jobId: string;
  ordinal: number;
  name: string;
  queue: string;
  state: Extract<TaskState, 'waiting' | 'queued' | 'skipped' | 'failed'>;
  error: string | null;
}

const COLUMNS = `id, job_id AS "jobId", ordinal, name, queue, state, tries, lost_leases AS "lostLeases", output, error`;

/** A task's columns in a row that holds others too. */
export const TASK_OF_ROW = `t.id AS "taskId", t.job_id AS "jobId", t.ordinal, t.name AS "taskName", t.queue AS "taskQueue", t.state AS "taskState",
  t.tries, t.lost_leases AS "lostLeases", t.output, t.error AS "taskError"`;

export interface TaskOfRow extends Pick<TaskRecord, 'jobId' | 'ordinal' | 'tries' | 'lostLeases' | 'output'> {
  taskId: string;
  taskName: string;
  taskQueue: string;
  taskState: TaskState;
  taskError: string | null;
}

export function taskOfRow(row: TaskOfRow): TaskRecord {
  return {
    id: row.taskId,
    jobId: row.jobId,
    ordinal: row.ordinal,
    name: row.taskName,
    queue: row.taskQueue,
    state: row.taskState,
    tries: row.tries,
    lostLeases: row.lostLeases,
    output: row.output,
    error: row.taskError,
  };
}

/** Tasks. Each verb names the states it may leave, as TASK_TRANSITIONS allows. */
export class TaskStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Writes the tasks of freshly started jobs in the states they start in, and an execution for each that is queued. Nothing for a job that
   * did not start after all.
   */
  async insert(
    tasks: NewTask[],
  ): Promise<{ tasks: { id: string; jobId: string; ordinal: number }[]; executions: QueuedExecution[] }> {
    if (tasks.length === 0) return { tasks: [], executions: [] };
    const rows = await this.sql.prepared<{
      id: string;
      jobId: string;
      ordinal: number;
      executionId: string | null;
      queue: string;
    }>(
      `WITH new AS (
         INSERT INTO task (job_id, ordinal, name, queue, state, error, finished_at)
         SELECT job_id, ordinal, name, queue, state, error, CASE WHEN state IN ('skipped', 'failed') THEN now() END
         FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[]) AS n (job_id, ordinal, name, queue, state, error)
         WHERE (SELECT ${unindexed(`job.state = 'started'`)} FROM job WHERE job.id = n.job_id)
         RETURNING id, job_id, ordinal, queue, state
       ), queued AS (
         INSERT INTO execution (task_id, job_id, queue, cause, available_at)
         SELECT id, job_id, queue, 'first', clock_timestamp() FROM new WHERE state = 'queued' RETURNING id, task_id
       )
       SELECT new.id, new.job_id AS "jobId", new.ordinal, new.queue, queued.id AS "executionId"
       FROM new LEFT JOIN queued ON queued.task_id = new.id`,
      [
        bigints(tasks.map((task) => task.jobId)),
        bigints(tasks.map((task) => task.ordinal)),
        tasks.map((task) => task.name),
        tasks.map((task) => task.queue),
        tasks.map((task) => task.state),
        tasks.map((task) => (task.error === null ? null : storableText(task.error))),
      ],
    );
    return {
      tasks: rows,
      executions: rows.flatMap(({ executionId, queue }) => (executionId === null ? [] : [{ id: executionId, queue }])),
    };
  }

  async ofJobs(jobIds: string[]): Promise<TaskRecord[]> {
    return this.sql.query<TaskRecord>(
      `SELECT ${COLUMNS} FROM task WHERE job_id = ANY($1::bigint[]) ORDER BY job_id, ordinal`,
      [bigints(jobIds)],
    );
  }

  /** waiting -> queued. */
  async queue(ids: string[]): Promise<string[]> {
    return this.move(ids, `state = 'queued'`, `'waiting'`);
  }

  /** waiting -> skipped. */
  async skip(ids: string[]): Promise<string[]> {
    return this.move(ids, `state = 'skipped', finished_at = now()`, `'waiting'`);
  }

  /** waiting -> failed: its arguments or condition could not be evaluated. */
  async failWaiting(id: string, error: string): Promise<void> {
    await this.sql.query(
      `UPDATE task SET state = 'failed', error = $2, finished_at = now() WHERE id = $1 AND state = 'waiting'`,
      [id, storableText(error)],
    );
  }

  async complete(tasks: { id: string; output: JsonObject }[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.sql.prepared(
      `UPDATE task SET state = 'completed', output = new.output, error = NULL, finished_at = now()
       FROM unnest(${unseen('$1', 'bigint[]')}, $2::jsonb[]) AS new (id, output) WHERE task.id = new.id AND task.state = 'started'`,
      [bigints(tasks.map((task) => task.id)), tasks.map((task) => storableJson(task.output))],
    );
  }

  /** started -> queued for a further try; a counted one adds to `tries`. */
  async retry(ids: string[], counted: boolean): Promise<void> {
    if (ids.length === 0) return;
    await this.sql.query(
      `UPDATE task SET state = 'queued', tries = tries + $2 WHERE id = ANY($1::bigint[]) AND state = 'started'`,
      [ids, counted ? 1 : 0],
    );
  }

  /** started -> failed: no further try. */
  async fail(tasks: { id: string; error: string }[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.sql.query(
      `UPDATE task SET state = 'failed', tries = tries + 1, error = new.error, finished_at = now()
       FROM unnest($1::bigint[], $2::text[]) AS new (id, error) WHERE task.id = new.id AND task.state = 'started'`,
      [bigints(tasks.map((task) => task.id)), tasks.map((task) => storableText(task.error))],
    );
  }

  /** Breaking a job fails its tasks that are not over (reference/task-engine.md A4). */
  async failOpen(jobId: string, error: string): Promise<void> {
    await this.sql.query(
      `UPDATE task SET state = 'failed', error = $2, finished_at = now()
       WHERE job_id = $1 AND state IN ('waiting', 'queued', 'started')`,
      [jobId, storableText(error)],
    );
  }

  private async move(ids: string[], set: string, from: string): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await this.sql.query<{ id: string }>(
      `UPDATE task SET ${set} WHERE id = ANY($1::bigint[]) AND state IN (${from}) RETURNING id`,
      [bigints(ids)],
    );
    return rows.map((row) => row.id);
  }
}
