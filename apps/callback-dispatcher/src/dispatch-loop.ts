import { setMaxListeners } from 'node:events';

import { Inject, Injectable } from '@nestjs/common';
import { type ClaimedDelivery, Database, type DeliveryReport } from '@task-engine/database';
import { CONFIGURATION, type DispatcherConfiguration, Log } from '@task-engine/platform';
import { CLIENT_DEFINITIONS_LINE, COMMON_DEFINITIONS_LINE } from '@task-engine/workflows';
import { CallbackMetrics } from './callback-metrics';
import { DefinitionHeaders } from './definition-headers';
import { DeliverySender } from './delivery-sender';
import { SingleFlight } from './single-flight';

/** Requests to one origin at one time: what an endpoint that hangs can take from the others. */
const PER_ORIGIN = 8;
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
 * Sends what is due. Claims and results each go one statement at a time, side by side; while a statement runs, free places and
 * results gather, so the batches grow with the load and an idle system answers at once. Nothing waits in memory but what is being
 * sent or written.
 */
@Injectable()
export class DispatchLoop {
  /** Leases held, by token: a delivery whose lease was lost may be claimed again while its first request is still open. */
  private readonly held = new Map<string, ClaimedDelivery>();
  /** Open requests, by origin. */
  private readonly busy = new Map<string, number>();
  private requests = 0;
  private readonly results: DeliveryReport[] = [];
  private readonly handBack = new AbortController();
  private readonly claiming = new SingleFlight(() => this.look());
  private readonly reporting = new SingleFlight(() => this.report());
  private accepting = false;
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
  ) {
    // one for each open request
    setMaxListeners(0, this.handBack.signal);
  }

  start(): void {
    this.accepting = true;
    this.beat = setInterval(() => void this.heartbeat(), this.configuration.HEARTBEAT_SECONDS * 1_000);
    this.wake();
  }

  /** Something may be due. Returns at once. */
  wake(): void {
    if (this.accepting) this.claiming.request();
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
    await this.claiming.idle();
    while (this.held.size > 0) {
      await this.reporting.idle();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    clearInterval(this.beat);
  }

  private async look(): Promise<void> {
    clearTimeout(this.timer);
    try {
      if (performance.now() >= this.nextSweep) await this.sweep();
      // until nothing is found: only then it is known what to wait for
      if ((await this.claim()) > 0) return this.wake();
      this.sleep(await this.database.stores.deliveries.secondsToNextDue());
    } catch (error) {
      this.log.error({ err: error }, 'callbacks wait: the database did not do its part');
      this.sleep(ERROR_PAUSE_MS / 1_000);
    }
  }

  private sleep(seconds: number | null): void {
    if (!this.accepting) return;
    const wait = Math.min(Math.max(seconds ?? POLL_SECONDS, SHORTEST_SLEEP_SECONDS), POLL_SECONDS);
    this.timer = setTimeout(() => this.wake(), Math.ceil(wait * 1_000));
  }

  /** Ends the leases of dispatchers that died. */
  private async sweep(): Promise<void> {
    const expired = await this.database.stores.deliveries.expire(EXPIRE_BATCH, this.configuration.CALLBACK_ATTEMPTS);
    this.nextSweep = expired.length === EXPIRE_BATCH ? 0 : performance.now() + SWEEP_EVERY_MS;
    if (expired.length === 0) return;
    this.metrics.leasesExpired(expired.length);
    this.log.warn({ deliveryIds: expired.map(({ id }) => id) }, 'leases of callbacks ran out');
  }

  /** Takes what there is room for and starts to send it. Answers how many. */
  private async claim(): Promise<number> {
    const { CALLBACK_CONCURRENCY, LEASE_SECONDS } = this.configuration;
    // results that cannot be written hold further requests up too
    const limit = Math.min(CALLBACK_CONCURRENCY - this.requests, 2 * CALLBACK_CONCURRENCY - this.held.size);
    if (!this.accepting || limit <= 0) return 0;
    const { deliveries, contended } = await this.database.stores.deliveries.claim({
      limit,
      perOrigin: PER_ORIGIN,
      busy: this.busy,
      ample: CALLBACK_CONCURRENCY / 2,
      leaseSeconds: LEASE_SECONDS,
      lines: LINES,
    });
    for (const delivery of deliveries) this.held.set(delivery.token, delivery);
    if (contended) this.wake();
    try {
      await this.definitions.load(deliveries);
    } catch (error) {
      // without its headers (authorisation may be among them) nothing is sent
      for (const delivery of deliveries) this.end(released(delivery));
      throw error;
    }
    for (const delivery of deliveries) void this.send(delivery);
    return deliveries.length;
  }

  private async send(delivery: ClaimedDelivery): Promise<void> {
    this.count(delivery.origin, 1);
    const result = await this.sender.send(delivery, this.handBack.signal);
    this.count(delivery.origin, -1);
    this.end(result);
    this.wake();
  }

  private count(origin: string, change: 1 | -1): void {
    this.requests += change;
    const requests = (this.busy.get(origin) ?? 0) + change;
    if (requests === 0) this.busy.delete(origin);
    else this.busy.set(origin, requests);
  }

  private end(result: DeliveryReport): void {
    this.results.push(result);
    this.reporting.request();
  }

  private async report(): Promise<void> {
    const batch = this.results.slice();
    if (batch.length === 0) return;
    try {
      const written = new Set(await this.database.stores.deliveries.report(batch));
      this.results.splice(0, batch.length);
      for (const { id, token } of batch) {
        this.held.delete(token);
        if (!written.has(id))
          this.log.warn({ deliveryId: id }, 'result of a callback came too late: its lease was over');
      }
      // the next one of a job may have waited for this
      this.wake();
    } catch (error) {
      this.log.error({ err: error }, 'results of callbacks could not be written, they will be');
      await new Promise((resolve) => setTimeout(resolve, ERROR_PAUSE_MS));
      this.reporting.request();
    }
  }

  private async heartbeat(): Promise<void> {
    if (this.held.size === 0) return;
    try {
      const leases = [...this.held.values()].map(({ id, token }) => ({ id, token }));
      await this.database.stores.deliveries.heartbeat(leases, this.configuration.LEASE_SECONDS);
    } catch (error) {
      this.log.warn({ err: error }, 'leases of callbacks could not be renewed');
    }
  }
}

function released({ id, token }: ClaimedDelivery): DeliveryReport {
  return { id, token, state: 'released', delaySeconds: 0, status: null, error: null, milliseconds: 0, line: null };
}
