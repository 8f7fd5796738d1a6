import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { JsonObject } from '@task-engine/domain';

/** One outgoing callback to one endpoint. */
@Entity('delivery')
export class DeliveryEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'message_id', type: 'text' })
  messageId!: string;

  @Column({ name: 'client_id', type: 'integer' })
  clientId!: number;

  @Column({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ name: 'task_id', type: 'bigint' })
  taskId!: string;

  @Column({ type: 'text' })
  event!: string;

  @Column({ type: 'text' })
  url!: string;

  /** Scheme, host and port of the URL: what counts as one endpoint. */
  @Column({ type: 'text' })
  origin!: string;

  @Column({ type: 'text' })
  body!: string;

  @Column({ type: 'text' })
  kind!: string;

  @Column({ name: 'max_attempts', type: 'integer', nullable: true })
  maxAttempts!: number | null;

  @Column({ type: 'jsonb' })
  headers!: JsonObject;

  @Column({ name: 'verify_tls', type: 'boolean' })
  verifyTls!: boolean;

  @Column({ type: 'text' })
  state!: string;

  @Column({ type: 'integer' })
  attempts!: number;

  /** Of these, made before the last replay: they do not count for giving up. */
  @Column({ name: 'attempts_before', type: 'integer' })
  attemptsBefore!: number;

  /** The one delivery of its event whose first try writes the event's line into the job log. */
  @Column({ type: 'boolean' })
  announces!: boolean;

  @Column({ name: 'next_at', type: 'timestamptz' })
  nextAt!: Date;

  @Column({ type: 'bigint', nullable: true })
  token!: string | null;

  @Column({ name: 'lease_expires_at', type: 'timestamptz', nullable: true })
  leaseExpiresAt!: Date | null;

  @Column({ name: 'last_status', type: 'integer', nullable: true })
  lastStatus!: number | null;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;

  @Column({ name: 'webhook_id', type: 'bigint', nullable: true })
  webhookId!: string | null;
}
