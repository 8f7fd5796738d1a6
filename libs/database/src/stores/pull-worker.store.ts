import type { Sql } from '../sql';

export interface PullWorkerRecord {
  id: number;
  uuid: string;
  alias: string;
  secret: Buffer;
  paused: boolean;
  closedTasks: bigint;
  createdAt: Date;
}

/** Of `pull_worker w`. The number of tasks is text here, see `pullWorkerRecord`. */
export const PULL_WORKER_COLUMNS = `w.id, w.uuid, w.alias, w.secret, w.paused, w.closed_tasks AS "closedTasks", w.created_at AS "createdAt"`;

/** A row of PULL_WORKER_COLUMNS as the record it is. */
export function pullWorkerRecord(
  row: Omit<PullWorkerRecord, 'closedTasks'> & { closedTasks: string },
): PullWorkerRecord {
  return { ...row, closedTasks: BigInt(row.closedTasks) };
}

/** Workers that pull tasks. Ids that come from outside may be larger than any id is. */
export class PullWorkerStore {
  constructor(private readonly sql: Sql) {}

  async insert(alias: string, secret: Buffer): Promise<PullWorkerRecord> {
    const [row] = await this.sql.query<Parameters<typeof pullWorkerRecord>[0]>(
      `INSERT INTO pull_worker AS w (alias, secret) VALUES ($1, $2) RETURNING ${PULL_WORKER_COLUMNS}`,
      [alias, secret],
    );
    return pullWorkerRecord(row!);
  }

  async find(id: bigint): Promise<PullWorkerRecord | undefined> {
    const [row] = await this.sql.prepared<Parameters<typeof pullWorkerRecord>[0]>(
      `SELECT ${PULL_WORKER_COLUMNS} FROM pull_worker w WHERE w.id = $1::bigint`,
      [`${id}`],
    );
    return row && pullWorkerRecord(row);
  }

  async rename(id: number, alias: string): Promise<boolean> {
    const rows = await this.sql.query(`UPDATE pull_worker SET alias = $2 WHERE id = $1 RETURNING id`, [id, alias]);
    return rows.length === 1;
  }

  async setPaused(id: bigint, paused: boolean): Promise<boolean> {
    const rows = await this.sql.query(`UPDATE pull_worker SET paused = $2 WHERE id = $1::bigint RETURNING id`, [
      `${id}`,
      paused,
    ]);
    return rows.length === 1;
  }

  async all(): Promise<PullWorkerRecord[]> {
    const rows = await this.sql.query<Parameters<typeof pullWorkerRecord>[0]>(
      `SELECT ${PULL_WORKER_COLUMNS} FROM pull_worker w ORDER BY w.id`,
    );
    return rows.map(pullWorkerRecord);
  }
}
