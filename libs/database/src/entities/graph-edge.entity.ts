import { Entity, PrimaryColumn } from 'typeorm';

/** A task that waits for another one to complete. */
@Entity('graph_edge')
export class GraphEdgeEntity {
  @PrimaryColumn({ name: 'parent_id', type: 'bigint' })
  parentId!: string;

  @PrimaryColumn({ name: 'job_id', type: 'bigint' })
  jobId!: string;
}
