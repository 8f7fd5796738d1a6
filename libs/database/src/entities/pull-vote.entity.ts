import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A result hash that a worker has released a task with. */
@Entity('pull_vote')
export class PullVoteEntity {
  @PrimaryColumn({ name: 'job_id', type: 'bigint' })
  jobId!: string;

  @PrimaryColumn({ name: 'worker_id', type: 'integer' })
  workerId!: number;

  @Column({ type: 'bigint' })
  hash!: string;
}
