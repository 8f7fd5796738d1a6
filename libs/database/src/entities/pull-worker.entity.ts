import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A worker of somebody else, known by id and secret, that pulls tasks over HTTP. */
@Entity('pull_worker')
export class PullWorkerEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  id!: number;

  @Column({ type: 'uuid' })
  uuid!: string;

  @Column({ type: 'text' })
  alias!: string;

  @Column({ type: 'bytea' })
  secret!: Buffer;

  @Column({ type: 'boolean' })
  paused!: boolean;

  @Column({ name: 'closed_tasks', type: 'bigint' })
  closedTasks!: string;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
