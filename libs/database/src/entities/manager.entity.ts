import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** Who looks after projects. */
@Entity('manager')
export class ManagerEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  id!: number;

  @Column({ type: 'text' })
  username!: string;

  @Column({ type: 'text' })
  password!: string;

  @Column({ type: 'boolean' })
  admin!: boolean;

  @Column({ name: 'registered_at', type: 'timestamptz' })
  registeredAt!: Date;
}
