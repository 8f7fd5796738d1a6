import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A setting that a caller invented. */
@Entity('setting')
export class SettingEntity {
  @PrimaryColumn({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  value!: string;

  @Column({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
