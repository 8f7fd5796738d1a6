import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Start of every metric name of ours. */
const PREFIX = 'task_engine_';

/** A scrape waits this long for one gauge; Prometheus itself gives up after 10 s. */
const COLLECT_MS = 5_000;

/** From 5 ms to 10 minutes: waits, runs and requests fit in one scale. */
const SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/**
 * The metrics of one process. Labels must come from closed sets (states, queue names, route patterns): never ids, URLs or keys.
 * Names are given without the prefix `task_engine_`.
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly collectFailures: Counter<'metric'>;

  /** @param app name of the app, a label on everything */
  constructor(app: string) {
    this.registry.setDefaultLabels({ app });
    // process and garbage collection metrics and the event-loop lag, under the names that dashboards know
    collectDefaultMetrics({ register: this.registry });
    this.collectFailures = this.counter(
      'collect_failures_total',
      'Gauges left out of a scrape because their source failed',
      ['metric'],
    );
  }

  /** @throws Error when the name is taken */
  counter<const L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name: PREFIX + name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  /**
   * @param collect called at each scrape, to set the gauge from a count made then; when it fails or takes longer than 5 s this
   *   scrape goes without the gauge, and the others stand
   * @throws Error when the name is taken
   */
  gauge<const L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    const gauge: Gauge<L> = new Gauge<L>({
      name: PREFIX + name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...(collect && { collect: () => this.collect(name, gauge, collect) }),
    });
    return gauge;
  }

  /** @throws Error when the name is taken */
  histogram<const L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: number[] = SECONDS_BUCKETS,
  ): Histogram<L> {
    return new Histogram({
      name: PREFIX + name,
      help,
      labelNames: [...labelNames],
      buckets,
      registers: [this.registry],
    });
  }

  /** Everything in the Prometheus text format. */
  async expose(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }

  private async collect<L extends string>(
    name: string,
    gauge: Gauge<L>,
    collect: (gauge: Gauge<L>) => void | Promise<void>,
  ): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), COLLECT_MS);
    });
    try {
      await Promise.race([collect(gauge), limit]);
    } catch {
      gauge.reset();
      this.collectFailures.inc({ metric: name });
    } finally {
      clearTimeout(timer);
    }
  }
}
