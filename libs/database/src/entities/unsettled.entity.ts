import { Entity, PrimaryColumn } from 'typeorm';

@Entity('unsettled')
export class UnsettledEntity {
  @PrimaryColumn({ type: 'text' })
  kind!: string;

  @PrimaryColumn({ type: 'bigint' })
  id!: string;
}
