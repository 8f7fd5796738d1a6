import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Counts of a project at one time. */
@Entity('project_snapshot')
export class ProjectSnapshotEntity {
  @PrimaryColumn({ name: 'project_id', type: 'integer' })
  projectId!: number;

  @PrimaryColumn({ type: 'timestamptz' })
  at!: Date;

  @Column({ name: 'new_tasks', type: 'bigint' })
  newTasks!: string;

  @Column({ name: 'failed_tasks', type: 'bigint' })
  failedTasks!: string;

  @Column({ name: 'closed_tasks', type: 'bigint' })
  closedTasks!: string;

  @Column({ type: 'bigint' })
  accesses!: string;

  @Column({ type: 'bigint' })
  votes!: string;
}
