import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('job_search')
export class JobSearchEntity {
  @PrimaryColumn({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @Column({ type: 'text' })
  body!: string;
}
