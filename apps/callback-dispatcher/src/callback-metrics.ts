import { Injectable } from '@nestjs/common';
import { Database, type ClaimedDelivery, type DeliveryReport } from '@task-engine/database';
import { Metrics } from '@task-engine/platform';

/** Label of each way a try can end. */
const OUTCOMES = {
  delivered: 'delivered',
  pending: 'retry',
  exhausted: 'exhausted',
  gone: 'gone',
  blocked: 'blocked',
  released: 'released',
} as const satisfies Record<DeliveryReport['state'], string>;

@Injectable()
export class CallbackMetrics {
  private readonly attempts;
  private readonly duration;
  private readonly latency;
  private readonly expired;

  constructor(metrics: Metrics, database: Database) {
    this.attempts = metrics.counter('callbacks_total', 'Tries of callbacks by outcome', ['outcome']);
    this.duration = metrics.histogram('callback_request_seconds', 'Length of one try of a callback', ['outcome']);
    this.latency = metrics.histogram('callback_latency_seconds', 'From the event to its delivery at the first try');
    this.expired = metrics.counter('callback_leases_expired_total', 'Tries whose dispatcher died');
    metrics.gauge('callbacks_open', 'Callbacks that are not finished, by state', ['state'], async (gauge) => {
      const { pending, sending } = await database.stores.deliveries.backlog();
      gauge.set({ state: 'pending' }, pending);
      gauge.set({ state: 'sending' }, sending);
    });
    metrics.gauge(
      'callbacks_oldest_seconds',
      'For how long the oldest due callback has been due',
      [],
      async (gauge) => {
        gauge.set((await database.stores.deliveries.backlog()).oldestSeconds);
      },
    );
  }

  tried(
    state: DeliveryReport['state'],
    seconds: number,
    delivery: Pick<ClaimedDelivery, 'attempt' | 'createdAt'>,
  ): void {
    const outcome = OUTCOMES[state];
    this.attempts.inc({ outcome });
    this.duration.observe({ outcome }, seconds);
    if (state !== 'delivered' || delivery.attempt > 1) return;
    this.latency.observe(Math.max(0, (Date.now() - delivery.createdAt.getTime()) / 1_000));
  }

  leasesExpired(count: number): void {
    this.expired.inc(count);
  }
}
