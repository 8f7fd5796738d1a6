import type { Sql } from '../sql';

/** Seconds without a heartbeat after which a process no longer counts as there. */
export const WORKER_SILENCE_SECONDS = 10;
/** Seconds without a heartbeat after which a worker is said to be offline: longer, so that one lost beat is no news. */
export const WORKER_OFFLINE_SECONDS = 15;
/** Name of the processes that run tasks. */
export const TASK_WORKER = 'task-worker';

export interface WorkerRecord {
  /** UUID, new at every start of the process. */
  id: string;
  app: string;
  host: string;
  pid: number;
  /** Queues it serves and how much of each it does at one time. */
  queues: { queue: string; slots: number }[];
  version: string;
  tags: string[];
  /** Shares from 0 to 1 of its machine that are in use; null where they are not known. */
  cpu: number | null;
  memory: number | null;
  disk: number | null;
}

/** What is told of a worker that came or went. */
export interface WorkerNews {
  id: string;
  host: string;
  version: string;
  tags: string[];
  startedAt: Date;
  lastSeenAt: Date;
}

const NEWS = `id, host, version, tags, started_at AS "startedAt", last_seen_at AS "lastSeenAt"`;

/** Processes of the suite, by their heartbeat rows. */
export class WorkerStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Writes or renews the process's row; after a sweep it comes back with the next beat.
   * @returns what to tell when it is new, or was told to be offline
   */
  async beat(worker: WorkerRecord): Promise<WorkerNews | undefined> {
    const rows = await this.sql.query<WorkerNews & { known: boolean }>(
      `WITH known AS MATERIALIZED (SELECT offline_told FROM worker WHERE id = $1 FOR NO KEY UPDATE),
       beat AS (
         INSERT INTO worker (id, app, host, pid, version, tags, cpu_usage, memory_usage, disk_usage)
         -- reads the old row first
         SELECT $1, $2, $3, $4, $7, $8, $9, $10, $11 FROM (SELECT count(*) FROM known) AS first
         ON CONFLICT (id) DO UPDATE SET last_seen_at = clock_timestamp(), offline_told = false, cpu_usage = EXCLUDED.cpu_usage,
           memory_usage = EXCLUDED.memory_usage, disk_usage = EXCLUDED.disk_usage
         RETURNING ${NEWS}
       ), served AS (
         INSERT INTO worker_queue (worker_id, queue, slots)
         SELECT beat.id, q.queue, q.slots FROM beat, unnest($5::text[], $6::int[]) AS q (queue, slots)
         ON CONFLICT DO NOTHING
       )
       SELECT beat.*, EXISTS (SELECT FROM known WHERE NOT offline_told) AS known FROM beat`,
      [
        worker.id,
        worker.app,
        worker.host,
        worker.pid,
        worker.queues.map((q) => q.queue),
        worker.queues.map((q) => q.slots),
        worker.version,
        worker.tags,
        worker.cpu,
        worker.memory,
        worker.disk,
      ],
    );
    const { known, ...news } = rows[0]!;
    return known ? undefined : news;
  }

  /** Its process has ended in order: it counts as gone from now on. */
  async stopped(id: string): Promise<void> {
    await this.sql.query(`UPDATE worker SET stopped_at = clock_timestamp() WHERE id = $1`, [id]);
  }

  /** Task-workers that have stopped, or fallen silent, since this was asked last. Told once: the caller's transaction tells of them. */
  async goneOffline(silentToo: boolean): Promise<WorkerNews[]> {
    return this.sql.query(
      `UPDATE worker SET offline_told = true
       WHERE app = '${TASK_WORKER}' AND NOT offline_told
         AND (stopped_at IS NOT NULL OR $1 AND last_seen_at < statement_timestamp() - make_interval(secs => ${WORKER_OFFLINE_SECONDS}))
       RETURNING ${NEWS}`,
      [silentToo],
    );
  }

  /** Deletes rows of processes silent for an hour: kept that long so that the history can name a dead worker. */
  async deleteSilent(): Promise<void> {
    await this.sql.query(
      `DELETE FROM worker WHERE last_seen_at < now() - interval '1 hour' AND (offline_told OR app <> '${TASK_WORKER}')`,
    );
  }
}
