import type { Sql } from '../sql';

/** Seconds without a heartbeat after which a process no longer counts as there. */
export const WORKER_SILENCE_SECONDS = 10;

export interface WorkerRecord {
  /** UUID, new at every start of the process. */
  id: string;
  app: string;
  host: string;
  pid: number;
  /** Queues it serves and how much of each it does at one time. */
  queues: { queue: string; slots: number }[];
}

/** Processes of the suite, by their heartbeat rows. */
export class WorkerStore {
  constructor(private readonly sql: Sql) {}

  /** Writes or renews the process's row; after a sweep it comes back with the next beat. */
  async beat(worker: WorkerRecord): Promise<void> {
    await this.sql.query(
      `WITH beat AS (
         INSERT INTO worker (id, app, host, pid) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET last_seen_at = clock_timestamp() RETURNING id
       )
       INSERT INTO worker_queue (worker_id, queue, slots)
       SELECT beat.id, q.queue, q.slots FROM beat, unnest($5::text[], $6::int[]) AS q (queue, slots)
       ON CONFLICT DO NOTHING`,
      [
        worker.id,
        worker.app,
        worker.host,
        worker.pid,
        worker.queues.map((q) => q.queue),
        worker.queues.map((q) => q.slots),
      ],
    );
  }

  async remove(id: string): Promise<void> {
    await this.sql.query(`DELETE FROM worker WHERE id = $1`, [id]);
  }

  /** Deletes rows of processes silent for an hour: kept that long so that the history can name a dead worker. */
  async deleteSilent(): Promise<void> {
    await this.sql.query(`DELETE FROM worker WHERE last_seen_at < now() - interval '1 hour'`);
  }
}
