import { Column, Entity, PrimaryColumn } from 'typeorm';

/** For how many tasks one still waits. */
@Entity('graph_wait')
export class GraphWaitEntity {
  @PrimaryColumn({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ type: 'integer' })
  unmet!: number;
}
