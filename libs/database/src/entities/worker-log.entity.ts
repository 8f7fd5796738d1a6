import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A line that a pull worker has written. */
@Entity('worker_log')
export class WorkerLogEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'worker_id', type: 'integer' })
  workerId!: number;

  @Column({ type: 'smallint' })
  level!: number;

  @Column({ type: 'text' })
  scope!: string;

  @Column({ type: 'text' })
  message!: string;

  @Column({ name: 'logged_at', type: 'bigint' })
  loggedAt!: string;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
