import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A login. Only the digest of its token is kept. */
@Entity('manager_session')
export class ManagerSessionEntity {
  @PrimaryColumn({ type: 'bytea' })
  digest!: Buffer;

  @Column({ name: 'manager_id', type: 'integer' })
  managerId!: number;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;
}
