import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** One line of the job log. */
@Entity('job_log')
export class JobLogEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ name: 'task_id', type: 'bigint' })
  taskId!: string;

  @Column({ type: 'smallint' })
  severity!: number;

  @Column({ type: 'text' })
  progname!: string;

  @Column({ type: 'text' })
  message!: string;

  @Column({ type: 'boolean' })
  visible!: boolean;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
