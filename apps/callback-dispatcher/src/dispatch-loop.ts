import { Inject, Injectable } from '@nestjs/common';
import { type ClaimedDelivery, Database, type DeliveryReport } from '@task-engine/database';
import { CONFIGURATION, type DispatcherConfiguration, Log } from '@task-engine/platform';
import { CLIENT_DEFINITIONS_LINE, COMMON_DEFINITIONS_LINE } from '@task-engine/workflows';
import { CallbackMetrics } from './callback-metrics';
import { DefinitionHeaders } from './definition-headers';
import { DeliverySender } from './delivery-sender';

/** Requests to one origin at one time: what an endpoint that hangs can take from the others. */
const PER_ORIGIN = 4;
/** The net under hints and the timer: what nobody told of is found within this time. */
const POLL_SECONDS = 5;
/** A lease that has run out may wait for its sweep: no spinning until then. */
const SHORTEST_SLEEP_SECONDS = 0.02;
/** Between two looks at leases. */
const SWEEP_EVERY_MS = 500;
/** Pause after an error of the database. */
const ERROR_PAUSE_MS = 1_000;
/** Leases ended in one statement. */
const EXPIRE_BATCH = 500;
const LINES = { common: COMMON_DEFINITIONS_LINE, client: CLIENT_DEFINITIONS_LINE };

/**
 * Sends what is due. One loop writes results and claims, in turn: while its statements run, results and free places gather, so the
 * batches grow with the load and an idle system answers at once. Nothing waits in memory but what is being sent.
 */
@Injectable()
export class DispatchLoop {
  /** By token: a delivery whose lease was lost may be claimed again while its first request is still open. */
  private readonly sending = new Map<string, ClaimedDelivery>();
  private readonly reports: { delivery: ClaimedDelivery; report: DeliveryReport }[] = [];
  private readonly handBack = new AbortController();
  private accepting = false;
  private wanted = false;
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private beat: NodeJS.Timeout | undefined;
  private nextSweep = 0;

  constructor(
    private readonly database: Database,
    private readonly sender: DeliverySender,
    private readonly definitions: DefinitionHeaders,
    private readonly metrics: CallbackMetrics,
    private readonly log: Log,
    @Inject(CONFIGURATION) private readonly configuration: DispatcherConfiguration,
  ) {}

  start(): void {
    this.accepting = true;
    this.beat = setInterval(() => void this.heartbeat(), this.configuration.HEARTBEAT_SECONDS * 1_000);
    this.wake();
  }

  /** Something may be due. Returns at once; calls that come while the loop looks make it look once more. */
  wake(): void {
    this.wanted = true;
    this.running ??= this.run().finally(() => {
      this.running = undefined;
      // a call between the last look and here
      if (this.wanted) this.wake();
    });
  }

  /** Claims no more. */
  stop(): void {
    this.accepting = false;
    clearTimeout(this.timer);
  }

  /**
   * Waits for what is being sent and writes its results.
   * @param deadline fired: requests still open are broken off and their deliveries given back, uncounted
   */
  async drain(deadline: AbortSignal): Promise<void> {
    const handBack = () => this.handBack.abort();
    if (deadline.aborted) handBack();
    deadline.addEventListener('abort', handBack, { once: true });
    while (this.sending.size > 0 || this.running) {
      await (this.running ?? new Promise((resolve) => setTimeout(resolve, 20)));
    }
    clearInterval(this.beat);
  }

  private async run(): Promise<void> {
    clearTimeout(this.timer);
    try {
      while (this.wanted) {
        this.wanted = false;
        await this.flush();
        if (!this.accepting) continue;
        if (performance.now() >= this.nextSweep) await this.sweep();
        await this.claim();
      }
      if (this.accepting) this.sleep(await this.database.stores.deliveries.secondsToNextDue());
    } catch (error) {
      this.log.error({ err: error }, 'callbacks wait: the database did not do its part');
      this.wanted = false;
      // also while shutting down: results that are not written would be sent again
      this.timer = setTimeout(() => this.wake(), ERROR_PAUSE_MS);
    }
  }

  private sleep(seconds: number | null): void {
    const wait = Math.min(Math.max(seconds ?? POLL_SECONDS, SHORTEST_SLEEP_SECONDS), POLL_SECONDS);
    this.timer = setTimeout(() => this.wake(), Math.ceil(wait * 1_000));
  }

  /** Gives up the leases of dispatchers that died. */
  private async sweep(): Promise<void> {
    const expired = await this.database.stores.deliveries.expire(EXPIRE_BATCH, this.configuration.CALLBACK_ATTEMPTS);
    this.nextSweep = performance.now() + SWEEP_EVERY_MS;
    if (expired.length === 0) return;
    this.metrics.leasesExpired(expired.length);
    this.log.warn({ deliveryIds: expired.map(({ id }) => id) }, 'leases of callbacks ran out');
    if (expired.length === EXPIRE_BATCH) this.nextSweep = 0;
  }

  private async claim(): Promise<void> {
    const limit = this.configuration.CALLBACK_CONCURRENCY - this.sending.size;
    if (limit <= 0) return;
    const busy = new Map<string, number>();
    for (const { origin } of this.sending.values()) busy.set(origin, (busy.get(origin) ?? 0) + 1);
    const leaseSeconds = this.configuration.LEASE_SECONDS;
    const { deliveries, contended } = await this.database.stores.deliveries.claim({ limit, perOrigin: PER_ORIGIN, busy, leaseSeconds, lines: LINES });
    for (const delivery of deliveries) this.sending.set(delivery.token, delivery);
    try {
      await this.definitions.load(deliveries);
    } catch (error) {
      // without its headers (authorisation may be among them) nothing is sent
      for (const delivery of deliveries) this.reports.push({ delivery, report: released(delivery) });
      throw error;
    }
    for (const delivery of deliveries) void this.send(delivery);
    if (contended) this.wanted = true;
  }

  private async send(delivery: ClaimedDelivery): Promise<void> {
    const report = await this.sender.send(delivery, this.handBack.signal);
    this.reports.push({ delivery, report });
    this.wake();
  }

  private async flush(): Promise<void> {
    const batch = this.reports.slice();
    if (batch.length === 0) return;
    const written = new Set(await this.database.stores.deliveries.report(batch.map(({ report }) => report)));
    this.reports.splice(0, batch.length);
    for (const { delivery } of batch) {
      this.sending.delete(delivery.token);
      if (!written.has(delivery.id)) this.log.warn({ deliveryId: delivery.id }, 'result of a callback came too late: its lease was over');
    }
  }

  private async heartbeat(): Promise<void> {
    if (this.sending.size === 0) return;
    try {
      const leases = [...this.sending.values()].map(({ id, token }) => ({ id, token }));
      await this.database.stores.deliveries.heartbeat(leases, this.configuration.LEASE_SECONDS);
    } catch (error) {
      this.log.warn({ err: error }, 'leases of callbacks could not be renewed');
    }
  }
}

function released({ id, token }: ClaimedDelivery): DeliveryReport {
  return { id, token, state: 'released', delaySeconds: 0, status: null, error: null, milliseconds: 0, line: null };
}
