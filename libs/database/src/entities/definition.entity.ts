import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '@task-engine/domain';

/** A resolved workflow definition, by digest. */
@Entity('definition')
export class DefinitionEntity {
  @PrimaryColumn({ type: 'text' })
  digest!: string;

  @Column({ type: 'text' })
  workflow!: string;

  @Column({ type: 'jsonb' })
  body!: JsonObject;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
