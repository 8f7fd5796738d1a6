import { setTimeout as delay } from 'node:timers/promises';
import type { EngineSuite } from '../../e2e/engine/engine-suite';
import { fetchJson } from '../../support/fetch-json';

/** One submission of the load as its client saw it. */
export interface Sent {
  /** Unique; stored as the job's `content_id`. */
  mark: string;
  /** Of the last try; 0 where no answer came. */
  status: number;
  id?: string;
  /** What was wrong where no answer came. */
  fault?: string;
  /** Tries after the first. */
  repeats: number;
  retryAfter?: string | null;
  sentAt: number;
  answeredAt: number;
}

export interface LoadOptions {
  /** Submissions per second [8]; they go out at their time, whether or not earlier ones were answered. */
  rate?: number;
  /** Further tries of a submission that got no answer, 200 ms apart, through the next gateway, with the same Idempotency-Key [0]. */
  repeats?: number;
  /** URL that every fourth job reports to. */
  endpoint?: string;
}

/** Start of every mark: tells the load's jobs from others. */
export const MARK = 'load-';
const REQUEST_TIMEOUT = 10_000;
let runs = 0;

/** Submissions at a steady rate: short jobs of three kinds, a third of them urgent, a quarter with callbacks. */
export class Load {
  readonly sent: Sent[] = [];
  /** Submissions per second. */
  rate: number;
  private readonly open = new Set<Promise<void>>();
  private readonly over = new AbortController();
  private readonly run = (runs += 1);
  private readonly loop: Promise<void>;

  constructor(
    private readonly engine: EngineSuite,
    private readonly options: LoadOptions = {},
  ) {
    this.rate = options.rate ?? 8;
    this.loop = this.keepSending();
  }

  /** Ends the sending and waits for the answers that are still to come. */
  async stop(): Promise<void> {
    this.over.abort();
    await this.loop;
    await Promise.all(this.open);
  }

  get accepted(): (Sent & { id: string })[] {
    return this.sent.filter((one): one is Sent & { id: string } => one.status === 200);
  }

  /** Submissions without a 200, with the last reason. */
  get failed(): Sent[] {
    return this.sent.filter(({ status }) => status !== 200);
  }

  private async keepSending(): Promise<void> {
    let next = Date.now();
    for (let n = 0; !this.over.signal.aborted; n += 1) {
      const sending = this.submit(n).finally(() => this.open.delete(sending));
      this.open.add(sending);
      next += 1_000 / this.rate;
      await delay(Math.max(0, next - Date.now()), undefined, { signal: this.over.signal }).catch(() => undefined);
    }
  }

  private async submit(n: number): Promise<void> {
    const one: Sent = {
      mark: `${MARK}${this.run}-${n}`,
      status: 0,
      repeats: 0,
      sentAt: Date.now(),
      answeredAt: 0,
    };
    const gateways = this.engine.members('api-gateway');
    for (;;) {
      await this.try(gateways[(n + one.repeats) % gateways.length]!.url, one, n);
      if (one.status !== 0 || one.repeats >= (this.options.repeats ?? 0)) break;
      one.repeats += 1;
      await delay(200);
    }
    one.answeredAt = Date.now();
    this.sent.push(one);
  }

  private async try(url: string, one: Sent, n: number): Promise<void> {
    const { workflow, parameters } = work(n);
    const rest_endpoints = n % 4 === 0 && this.options.endpoint ? [this.options.endpoint] : undefined;
    try {
      const answer = await fetchJson<{ id?: unknown } | undefined>(`${url}/job`, {
        headers: {
          client: 'demo-client',
          'api-key': 'demo-key',
          // only whoever repeats needs it; the others go the usual way
          ...(this.options.repeats ? { 'idempotency-key': one.mark } : {}),
        },
        body: {
          client: 'demo-client',
          job: { workflow, priority: n % 3 === 0 ? 1 : 6 },
          parameters: { ...parameters, content_id: one.mark, rest_endpoints },
        },
        timeout: REQUEST_TIMEOUT,
      });
      one.status = answer.status;
      one.retryAfter = answer.headers.get('retry-after');
      if (answer.status === 200) one.id = String(answer.body?.id);
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause?.code;
      one.fault = cause ?? (error as Error).message;
    }
  }
}

/** No job of the load lasts longer than about half a second. */
function work(n: number): { workflow: string; parameters?: object } {
  if (n % 3 === 1) return { workflow: 'sleep', parameters: { seconds: 0.3 } };
  if (n % 3 === 2) return { workflow: 'steps', parameters: { count: 4, seconds: 0.05 } };
  return { workflow: 'noop' };
}
