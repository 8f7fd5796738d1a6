import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A piece of what a run has written. */
@Entity('run_output')
export class RunOutputEntity {
  @PrimaryColumn({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @PrimaryColumn({ type: 'integer' })
  seq!: number;

  @Column({ type: 'text' })
  stream!: string;

  @Column({ type: 'integer' })
  bytes!: number;

  @Column({ type: 'text' })
  text!: string;
}
