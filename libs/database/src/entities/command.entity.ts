import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** What a client wants run, and how (fastlane's job). */
@Entity('command')
export class CommandEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'group_id', type: 'integer' })
  groupId!: number;

  @Column({ type: 'uuid' })
  uuid!: string;

  @Column({ name: 'lane_id', type: 'integer' })
  laneId!: number;

  @Column({ type: 'text' })
  image!: string;

  @Column({ type: 'text' })
  command!: string;

  @Column({ type: 'jsonb' })
  request!: object;

  @Column({ name: 'retry_count', type: 'integer' })
  retryCount!: number;

  @Column({ name: 'next_at', type: 'timestamptz', nullable: true })
  nextAt!: Date | null;

  @Column({ name: 'queue_id', type: 'uuid' })
  queueId!: string;

  @Column({ name: 'requested_from', type: 'text', nullable: true })
  requestedFrom!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
