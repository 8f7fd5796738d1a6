import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One try of a delivery. */
@Entity('delivery_attempt')
export class DeliveryAttemptEntity {
  @PrimaryColumn({ name: 'delivery_id', type: 'bigint' })
  deliveryId!: string;

  @PrimaryColumn({ type: 'integer' })
  number!: number;

  @Column({ type: 'timestamptz' })
  at!: Date;

  @Column({ type: 'integer', nullable: true })
  status!: number | null;

  @Column({ type: 'text', nullable: true })
  error!: string | null;

  @Column({ type: 'integer' })
  milliseconds!: number;

  @Column({ name: 'sent_headers', type: 'jsonb', nullable: true })
  sentHeaders!: Record<string, string> | null;

  @Column({ name: 'answer_headers', type: 'jsonb', nullable: true })
  answerHeaders!: Record<string, string> | null;

  @Column({ name: 'answer_body', type: 'text', nullable: true })
  answerBody!: string | null;
}
