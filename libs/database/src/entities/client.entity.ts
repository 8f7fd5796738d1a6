import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { JsonObject } from '@task-engine/domain';

/** The tenant: who owns jobs, keys and limits. */
@Entity('client')
export class ClientEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ name: 'max_running', type: 'integer', nullable: true })
  maxRunning!: number | null;

  @Column({ name: 'signing_secret', type: 'text', nullable: true })
  signingSecret!: string | null;

  @Column({ name: 'callback_headers', type: 'jsonb' })
  callbackHeaders!: JsonObject;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'requests_per_minute', type: 'integer', nullable: true })
  requestsPerMinute!: number | null;
}
