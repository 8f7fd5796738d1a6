import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { JsonObject } from '@task-engine/domain';

/** One accepted submission. */
@Entity('job')
export class JobEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'lane_id', type: 'integer' })
  laneId!: number;

  @Column({ name: 'client_id', type: 'integer' })
  clientId!: number;

  @Column({ type: 'text' })
  workflow!: string;

  @Column({ name: 'definition_digest', type: 'text' })
  definitionDigest!: string;

  @Column({ type: 'jsonb' })
  submitted!: JsonObject;

  @Column({ type: 'jsonb' })
  parameters!: JsonObject;

  @Column({ type: 'smallint' })
  priority!: number;

  @Column({ type: 'integer' })
  position!: number;

  @Column({ name: 'top_of_queue', type: 'boolean' })
  topOfQueue!: boolean;

  @Column({ type: 'text' })
  state!: string;

  @Column({ name: 'wait_reason', type: 'text', nullable: true })
  waitReason!: string | null;

  @Column({ name: 'run_at', type: 'timestamptz' })
  runAt!: Date;

  @Column({ name: 'semaphore_url', type: 'text', nullable: true })
  semaphoreUrl!: string | null;

  @Column({ name: 'semaphore_tries', type: 'integer' })
  semaphoreTries!: number;

  @Column({ name: 'semaphore_next_at', type: 'timestamptz', nullable: true })
  semaphoreNextAt!: Date | null;

  @Column({ type: 'boolean' })
  persist!: boolean;

  @Column({ name: 'rerun_of', type: 'bigint', nullable: true })
  rerunOf!: string | null;

  @Column({ type: 'text', nullable: true })
  error!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;

  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  startedAt!: Date | null;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;
}
