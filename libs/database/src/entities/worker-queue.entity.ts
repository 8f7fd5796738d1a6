import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A queue that a process serves. */
@Entity('worker_queue')
export class WorkerQueueEntity {
  @PrimaryColumn({ name: 'worker_id', type: 'uuid' })
  workerId!: string;

  @PrimaryColumn({ type: 'text' })
  queue!: string;

  @Column({ type: 'integer' })
  slots!: number;
}
