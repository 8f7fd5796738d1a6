import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** One attempt at a task: a lease held by one worker. */
@Entity('execution')
export class ExecutionEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'task_id', type: 'bigint' })
  taskId!: string;

  @Column({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ type: 'text' })
  queue!: string;

  @Column({ type: 'text' })
  state!: string;

  @Column({ type: 'text' })
  cause!: string;

  @Column({ type: 'bigint', nullable: true })
  token!: string | null;

  @Column({ name: 'worker_id', type: 'uuid', nullable: true })
  workerId!: string | null;

  @Column({ name: 'available_at', type: 'timestamptz' })
  availableAt!: Date;

  @Column({ type: 'boolean' })
  parked!: boolean;

  @Column({ name: 'last_chance', type: 'boolean' })
  lastChance!: boolean;

  @Column({ name: 'lease_expires_at', type: 'timestamptz', nullable: true })
  leaseExpiresAt!: Date | null;

  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  startedAt!: Date | null;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;

  @Column({ type: 'text', nullable: true })
  error!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
