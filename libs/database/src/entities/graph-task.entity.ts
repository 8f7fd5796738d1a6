import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '@task-engine/domain';

/** What a job has beside its own life cycle when it runs a command line after the tasks that it depends on. */
@Entity('graph_task')
export class GraphTaskEntity {
  @PrimaryColumn({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ name: 'client_id', type: 'integer' })
  clientId!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text', nullable: true })
  description!: string | null;

  @Column({ type: 'text' })
  command!: string;

  @Column({ name: 'max_retries', type: 'smallint' })
  maxRetries!: number;

  @Column({ name: 'timeout_seconds', type: 'integer' })
  timeoutSeconds!: number;

  @Column({ name: 'scheduled_at', type: 'timestamptz', nullable: true })
  scheduledAt!: Date | null;

  @Column({ type: 'text', array: true })
  tags!: string[];

  @Column({ name: 'worker_tags', type: 'text', array: true })
  workerTags!: string[];

  @Column({ type: 'bigint', array: true })
  dependencies!: string[];

  @Column({ name: 'earlier_tries', type: 'integer' })
  earlierTries!: number;

  @Column({ name: 'checkpoint_enabled', type: 'boolean' })
  checkpointEnabled!: boolean;

  @Column({ type: 'jsonb', nullable: true })
  checkpoint!: JsonObject | null;

  @Column({ name: 'checkpoint_key', type: 'bytea', nullable: true })
  checkpointKey!: Buffer | null;
}
