import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a worker may do in a project, or has asked for. */
@Entity('project_access')
export class ProjectAccessEntity {
  @PrimaryColumn({ name: 'project_id', type: 'integer' })
  projectId!: number;

  @PrimaryColumn({ name: 'worker_id', type: 'integer' })
  workerId!: number;

  @Column({ type: 'boolean' })
  assign!: boolean;

  @Column({ type: 'boolean' })
  submit!: boolean;

  @Column({ type: 'boolean' })
  pending!: boolean;
}
