import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Bits of what a manager may do in a project. */
@Entity('project_role')
export class ProjectRoleEntity {
  @PrimaryColumn({ name: 'manager_id', type: 'integer' })
  managerId!: number;

  @PrimaryColumn({ name: 'project_id', type: 'integer' })
  projectId!: number;

  @Column({ type: 'smallint' })
  role!: number;
}
