import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One firing of a schedule. */
@Entity('schedule_tick')
export class ScheduleTickEntity {
  @PrimaryColumn({ name: 'schedule_name', type: 'text' })
  scheduleName!: string;

  @PrimaryColumn({ name: 'due_at', type: 'timestamptz' })
  dueAt!: Date;

  @Column({ name: 'fired_at', type: 'timestamptz' })
  firedAt!: Date;
}
