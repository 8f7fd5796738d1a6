import type { Sql } from '../sql';

export interface WorkerLogRecord {
  workerId: number;
  level: number;
  scope: string;
  message: string;
  /** Seconds since 1970, as the worker says. */
  loggedAt: bigint;
}

/** Lines that pull workers write. */
export class WorkerLogStore {
  constructor(private readonly sql: Sql) {}

  async insert({ workerId, level, scope, message, loggedAt }: WorkerLogRecord): Promise<void> {
    await this.sql.query(
      `INSERT INTO worker_log (worker_id, level, scope, message, logged_at) VALUES ($1, $2, $3, $4, $5)`,
      [workerId, level, scope, message, `${loggedAt}`],
    );
  }

  /** Of this level, with a later time; the newest first. */
  async since(since: bigint, level: bigint, limit: number): Promise<WorkerLogRecord[]> {
    const rows = await this.sql.query<Omit<WorkerLogRecord, 'loggedAt'> & { loggedAt: string }>(
      `SELECT worker_id AS "workerId", level, scope, message, logged_at AS "loggedAt" FROM worker_log
       WHERE level = $1::bigint AND logged_at > $2::bigint ORDER BY logged_at DESC, id DESC LIMIT $3`,
      [`${level}`, `${since}`, limit],
    );
    return rows.map((row) => ({ ...row, loggedAt: BigInt(row.loggedAt) }));
  }

  /** @returns how many were removed */
  async forget(days: number, limit: number): Promise<number> {
    const rows = await this.sql.query(
      `DELETE FROM worker_log WHERE id IN
         (SELECT id FROM worker_log WHERE created_at < now() - make_interval(days => $1) ORDER BY created_at LIMIT $2) RETURNING id`,
      [days, limit],
    );
    return rows.length;
  }
}
