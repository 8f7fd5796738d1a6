import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A rule that fires at an interval. */
@Entity('schedule')
export class ScheduleEntity {
  @PrimaryColumn({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  class!: string;

  @Column({ name: 'every_seconds', type: 'integer' })
  everySeconds!: number;

  @Column({ name: 'first_in_seconds', type: 'integer' })
  firstInSeconds!: number;

  @Column({ type: 'text' })
  queue!: string;

  @Column({ type: 'text' })
  description!: string;

  @Column({ type: 'boolean' })
  active!: boolean;

  @Column({ name: 'next_at', type: 'timestamptz' })
  nextAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
