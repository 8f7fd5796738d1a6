import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Graph tasks that ended within an hour, by the worker that ran them. */
@Entity('graph_hour')
export class GraphHourEntity {
  @PrimaryColumn({ type: 'timestamptz' })
  hour!: Date;

  @PrimaryColumn({ name: 'worker_id', type: 'uuid' })
  workerId!: string;

  @Column({ type: 'bigint' })
  completed!: string;

  @Column({ type: 'bigint' })
  failed!: string;

  @Column({ name: 'run_seconds', type: 'double precision' })
  runSeconds!: number;
}
