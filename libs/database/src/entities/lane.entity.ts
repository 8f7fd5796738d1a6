import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A named queue of jobs with its own limits. */
@Entity('lane')
export class LaneEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ name: 'max_running', type: 'integer' })
  maxRunning!: number;

  @Column({ name: 'reserved_slots', type: 'integer' })
  reservedSlots!: number;

  @Column({ name: 'reserved_threshold', type: 'integer' })
  reservedThreshold!: number;

  @Column({ name: 'retry_limit', type: 'integer' })
  retryLimit!: number;

  @Column({ name: 'retry_delay_seconds', type: 'integer' })
  retryDelaySeconds!: number;

  @Column({ type: 'boolean' })
  paused!: boolean;

  @Column({ type: 'boolean' })
  pulled!: boolean;

  @Column({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
