import type { JsonObject, TaskState } from '@task-engine/domain';
import type { Sql } from '../sql';
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

export interface NewTask {
  jobId: string;
  ordinal: number;
  name: string;
  queue: string;
}

const COLUMNS = `id, job_id AS "jobId", ordinal, name, queue, state, tries, lost_leases AS "lostLeases", output, error`;

/** Tasks. Each verb names the states it may leave, as TASK_TRANSITIONS allows. */
export class TaskStore {
  constructor(private readonly sql: Sql) {}

  /** Writes the tasks of freshly started jobs; tasks that exist already (a resumed job) are left alone. */
  async insert(tasks: NewTask[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.sql.query(
      `INSERT INTO task (job_id, ordinal, name, queue)
       SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[])
       ON CONFLICT DO NOTHING`,
      [
        tasks.map((task) => task.jobId),
        tasks.map((task) => task.ordinal),
        tasks.map((task) => task.name),
        tasks.map((task) => task.queue),
      ],
    );
  }

  async ofJobs(jobIds: string[]): Promise<TaskRecord[]> {
    return this.sql.query<TaskRecord>(
      `SELECT ${COLUMNS} FROM task WHERE job_id = ANY($1::bigint[]) ORDER BY job_id, ordinal`,
      [jobIds],
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

  /** queued -> started. Returns the tasks that start for the first time. */
  async start(ids: string[]): Promise<string[]> {
    const rows = await this.sql.query<{ id: string; first: boolean }>(
      `WITH before AS (SELECT id, started_at IS NULL AS first FROM task WHERE id = ANY($1::bigint[]) AND state = 'queued' ORDER BY id FOR NO KEY UPDATE)
       UPDATE task SET state = 'started', started_at = COALESCE(started_at, now()) FROM before
       WHERE task.id = before.id AND task.state = 'queued' RETURNING task.id, before.first`,
      [ids],
    );
    return rows.filter((row) => row.first).map((row) => row.id);
  }

  async complete(tasks: { id: string; output: JsonObject }[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.sql.query(
      `UPDATE task SET state = 'completed', output = new.output, error = NULL, finished_at = now()
       FROM unnest($1::bigint[], $2::jsonb[]) AS new (id, output) WHERE task.id = new.id AND task.state = 'started'`,
      [tasks.map((task) => task.id), tasks.map((task) => storableJson(task.output))],
    );
  }

  /** started -> queued for a further try; a counted one adds to `tries`. */
  async retry(id: string, counted: boolean): Promise<void> {
    await this.sql.query(`UPDATE task SET state = 'queued', tries = tries + $2 WHERE id = $1 AND state = 'started'`, [
      id,
      counted ? 1 : 0,
    ]);
  }

  /** started -> failed: no further try. */
  async fail(id: string, error: string): Promise<void> {
    await this.sql.query(
      `UPDATE task SET state = 'failed', tries = tries + 1, error = $2, finished_at = now() WHERE id = $1 AND state = 'started'`,
      [id, storableText(error)],
    );
  }

  /** Counts a lease lost to a dead worker. Returns the new count. */
  async loseLease(id: string): Promise<number> {
    const [row] = await this.sql.query<{ lost: number }>(
      `UPDATE task SET lost_leases = lost_leases + 1 WHERE id = $1 RETURNING lost_leases AS lost`,
      [id],
    );
    return row?.lost ?? 0;
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
      [ids],
    );
    return rows.map((row) => row.id);
  }
}
