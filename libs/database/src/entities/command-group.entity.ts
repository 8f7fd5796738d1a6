import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** Commands under one name (fastlane's task). */
@Entity('command_group')
export class CommandGroupEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'bytea' })
  digest!: Buffer;

  @Column({ name: 'client_id', type: 'integer' })
  clientId!: number;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
