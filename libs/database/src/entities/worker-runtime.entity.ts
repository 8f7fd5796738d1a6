import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a worker runs containers with, and the hosts as it saw them last. */
@Entity('worker_runtime')
export class WorkerRuntimeEntity {
  @PrimaryColumn({ name: 'worker_id', type: 'uuid' })
  workerId!: string;

  @Column({ type: 'text' })
  kind!: string;

  @Column({ type: 'jsonb' })
  hosts!: object;

  @Column({ name: 'seen_at', type: 'timestamptz' })
  seenAt!: Date;
}
