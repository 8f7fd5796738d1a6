import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A process of the suite, by its heartbeat. */
@Entity('worker')
export class WorkerEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text' })
  app!: string;

  @Column({ type: 'text' })
  host!: string;

  @Column({ type: 'integer' })
  pid!: number;

  @Column({ name: 'started_at', type: 'timestamptz' })
  startedAt!: Date;

  @Column({ name: 'last_seen_at', type: 'timestamptz' })
  lastSeenAt!: Date;

  @Column({ type: 'text' })
  version!: string;

  @Column({ type: 'text', array: true })
  tags!: string[];

  @Column({ name: 'stopped_at', type: 'timestamptz', nullable: true })
  stoppedAt!: Date | null;

  @Column({ name: 'offline_told', type: 'boolean' })
  offlineTold!: boolean;

  @Column({ name: 'cpu_usage', type: 'real', nullable: true })
  cpuUsage!: number | null;

  @Column({ name: 'memory_usage', type: 'real', nullable: true })
  memoryUsage!: number | null;

  @Column({ name: 'disk_usage', type: 'real', nullable: true })
  diskUsage!: number | null;

  @Column({ name: 'tasks_completed', type: 'bigint' })
  tasksCompleted!: string;

  @Column({ name: 'tasks_failed', type: 'bigint' })
  tasksFailed!: string;
}
