import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What all workers know of a host: blacklist and circuit. */
@Entity('container_host')
export class ContainerHostEntity {
  @PrimaryColumn({ type: 'text' })
  host!: string;

  @Column({ type: 'boolean' })
  blacklisted!: boolean;

  @Column({ type: 'integer' })
  failures!: number;

  @Column({ name: 'opened_at', type: 'timestamptz', nullable: true })
  openedAt!: Date | null;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;
}
