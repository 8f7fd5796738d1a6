import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which job a submission with an Idempotency-Key became, so that its repeat is answered with the same id. */
export class IdempotencyKey1700000000050 implements MigrationInterface {
  name = 'IdempotencyKey1700000000050';

  async up(runner: QueryRunner): Promise<void> {
    // No foreign key to job: the answer stays the same when retention has removed the job already.
    await runner.query(`CREATE TABLE idempotency_key (
      client_id integer NOT NULL,
      key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
      fingerprint bytea NOT NULL,
      job_id bigint NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (client_id, key)
    )`);
    // Retention.
    await runner.query(`CREATE INDEX idempotency_key_created ON idempotency_key (created_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotency_key');
  }
}
