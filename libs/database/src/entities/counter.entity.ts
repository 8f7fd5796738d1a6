import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A total that retention must not lower. */
@Entity('counter')
export class CounterEntity {
  @PrimaryColumn({ type: 'text' })
  name!: string;

  @Column({ type: 'bigint' })
  value!: string;
}
