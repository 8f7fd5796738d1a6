import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a job has beside its own life cycle when workers pull it. */
@Entity('pull_task')
export class PullTaskEntity {
  @PrimaryColumn({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ name: 'project_id', type: 'integer' })
  projectId!: number;

  @Column({ type: 'text' })
  state!: string;

  @Column({ type: 'smallint' })
  priority!: number;

  @Column({ type: 'bigint', nullable: true })
  hash!: string | null;

  @Column({ type: 'text' })
  recipe!: string;

  @Column({ name: 'max_assign_seconds', type: 'integer' })
  maxAssignSeconds!: number;

  @Column({ name: 'max_retries', type: 'smallint' })
  maxRetries!: number;

  @Column({ type: 'integer' })
  retries!: number;

  @Column({ type: 'smallint' })
  verifications!: number;

  @Column({ type: 'integer' })
  votes!: number;

  @Column({ name: 'worker_id', type: 'integer', nullable: true })
  workerId!: number | null;

  @Column({ name: 'assigned_at', type: 'timestamptz', nullable: true })
  assignedAt!: Date | null;

  @Column({ name: 'step_id', type: 'bigint', nullable: true })
  stepId!: string | null;
}
