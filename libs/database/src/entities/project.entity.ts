import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A lane whose jobs workers pull, with who may see, read and change it. */
@Entity('project')
export class ProjectEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  id!: number;

  @Column({ name: 'lane_id', type: 'integer' })
  laneId!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'bigint' })
  priority!: string;

  @Column({ name: 'clone_url', type: 'text' })
  cloneUrl!: string;

  @Column({ name: 'git_repo', type: 'text' })
  gitRepo!: string;

  @Column({ type: 'text' })
  version!: string;

  @Column({ type: 'text' })
  motd!: string;

  @Column({ type: 'boolean' })
  public!: boolean;

  @Column({ type: 'boolean' })
  hidden!: boolean;

  @Column({ name: 'chain_id', type: 'integer', nullable: true })
  chainId!: number | null;

  @Column({ type: 'text' })
  secret!: string;

  @Column({ name: 'webhook_secret', type: 'text' })
  webhookSecret!: string;

  @Column({ name: 'assign_rate', type: 'float8', nullable: true })
  assignRate!: number | null;

  @Column({ name: 'submit_rate', type: 'float8', nullable: true })
  submitRate!: number | null;

  @Column({ name: 'assign_free_at', type: 'timestamptz' })
  assignFreeAt!: Date;

  @Column({ name: 'submit_free_at', type: 'timestamptz' })
  submitFreeAt!: Date;

  @Column({ name: 'closed_tasks', type: 'bigint' })
  closedTasks!: string;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
