import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** What a client has subscribed to. */
@Entity('webhook')
export class WebhookEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'client_id', type: 'integer' })
  clientId!: number;

  @Column({ type: 'text' })
  url!: string;

  @Column({ type: 'text', array: true })
  events!: string[];

  @Column({ type: 'text', nullable: true })
  secret!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
