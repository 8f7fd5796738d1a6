import type { Sql } from '../sql';

export interface KeptSubmission {
  jobId: string;
  /** SHA-256 of the request, hex. */
  fingerprint: string;
}

/** What submissions with an Idempotency-Key became. Keys of different clients have nothing to do with each other. */
export class IdempotencyKeyStore {
  constructor(private readonly sql: Sql) {}

  async find(clientId: number, key: string): Promise<KeptSubmission | undefined> {
    const rows = await this.sql.query<KeptSubmission>(
      `SELECT job_id AS "jobId", encode(fingerprint, 'hex') AS fingerprint FROM idempotency_key WHERE client_id = $1 AND key = $2`,
      [clientId, key],
    );
    return rows[0];
  }

  /** False when the key is taken. While another transaction is about to take it, this waits for how that one ends. */
  async keep(clientId: number, key: string, { jobId, fingerprint }: KeptSubmission): Promise<boolean> {
    const rows = await this.sql.query(
      `INSERT INTO idempotency_key (client_id, key, fingerprint, job_id) VALUES ($1, $2, decode($3, 'hex'), $4)
       ON CONFLICT (client_id, key) DO NOTHING RETURNING job_id`,
      [clientId, key, fingerprint, jobId],
    );
    return rows.length === 1;
  }

  /** What a command's submission was answered with, by its key. */
  async findAnswer<Answer>(
    clientId: number,
    key: string,
  ): Promise<{ fingerprint: string; answer: Answer } | undefined> {
    const rows = await this.sql.query<{ fingerprint: string; answer: Answer }>(
      `SELECT encode(fingerprint, 'hex') AS fingerprint, answer FROM idempotency_key WHERE client_id = $1 AND key = $2 AND answer IS NOT NULL`,
      [clientId, key],
    );
    return rows[0];
  }

  /** As `keep`, for a command. */
  async keepAnswer(clientId: number, key: string, fingerprint: string, answer: object): Promise<boolean> {
    const rows = await this.sql.query(
      `INSERT INTO idempotency_key (client_id, key, fingerprint, answer) VALUES ($1, $2, decode($3, 'hex'), $4)
       ON CONFLICT (client_id, key) DO NOTHING RETURNING client_id`,
      [clientId, key, fingerprint, JSON.stringify(answer)],
    );
    return rows.length === 1;
  }

  /** Forgets up to `limit` keys that came more than `hours` hours ago. @returns how many */
  async deleteOld(hours: number, limit: number): Promise<number> {
    const rows = await this.sql.query(
      `DELETE FROM idempotency_key WHERE (client_id, key) IN (
         SELECT client_id, key FROM idempotency_key WHERE created_at < now() - make_interval(hours => $1) ORDER BY created_at LIMIT $2
       ) RETURNING client_id`,
      [hours, limit],
    );
    return rows.length;
  }
}
