import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A key of a client: its SHA-256 and its last four characters. */
@Entity('client_key')
export class ClientKeyEntity {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  id!: number;

  @Column({ name: 'client_id', type: 'integer' })
  clientId!: number;

  @Column({ type: 'bytea' })
  hash!: Buffer;

  @Column({ name: 'last_four', type: 'text' })
  lastFour!: string;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt!: Date | null;
}
