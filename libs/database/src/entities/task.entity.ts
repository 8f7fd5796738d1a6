import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { JsonObject } from '@task-engine/domain';

/** One step of a job. */
@Entity('task')
export class TaskEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ type: 'integer' })
  ordinal!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  queue!: string;

  @Column({ type: 'text' })
  state!: string;

  @Column({ type: 'integer' })
  tries!: number;

  @Column({ name: 'lost_leases', type: 'integer' })
  lostLeases!: number;

  @Column({ type: 'jsonb', nullable: true })
  output!: JsonObject | null;

  @Column({ type: 'text', nullable: true })
  error!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  startedAt!: Date | null;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;
}
