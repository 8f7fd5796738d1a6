import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The job that a client's submission with an Idempotency-Key became. */
@Entity('idempotency_key')
export class IdempotencyKeyEntity {
  @PrimaryColumn({ name: 'client_id', type: 'integer' })
  clientId!: number;

  @PrimaryColumn({ type: 'text' })
  key!: string;

  /** SHA-256 of the request. */
  @Column({ type: 'bytea' })
  fingerprint!: Buffer;

  @Column({ name: 'job_id', type: 'bigint', nullable: true })
  jobId!: string | null;

  /** Of a command: what its submission was answered with. */
  @Column({ type: 'jsonb', nullable: true })
  answer!: object | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
