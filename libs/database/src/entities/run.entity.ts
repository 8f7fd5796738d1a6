import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One execution of a command: what its job has beside its own life cycle. */
@Entity('run')
export class RunEntity {
  @PrimaryColumn({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ type: 'uuid' })
  uuid!: string;

  @Column({ name: 'command_id', type: 'bigint' })
  commandId!: string;

  @Column({ type: 'text' })
  cause!: string;

  @Column({ name: 'due_at', type: 'timestamptz', nullable: true })
  dueAt!: Date | null;

  @Column({ type: 'text' })
  state!: string;

  @Column({ type: 'text' })
  image!: string;

  @Column({ type: 'text' })
  command!: string;

  @Column({ name: 'requested_from', type: 'text', nullable: true })
  requestedFrom!: string | null;

  @Column({ name: 'stop_requested_at', type: 'timestamptz', nullable: true })
  stopRequestedAt!: Date | null;

  @Column({ type: 'text', nullable: true })
  host!: string | null;

  @Column({ type: 'integer', nullable: true })
  port!: number | null;

  @Column({ name: 'container_id', type: 'text', nullable: true })
  containerId!: string | null;

  @Column({ name: 'exit_code', type: 'integer', nullable: true })
  exitCode!: number | null;

  @Column({ type: 'text', nullable: true })
  error!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  startedAt!: Date | null;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;
}
