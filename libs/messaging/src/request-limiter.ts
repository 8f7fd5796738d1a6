import { Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';

import { RedisConnections } from './redis-connections';

const WINDOW_SECONDS = 60;
/** No request waits longer for its count. */
const COUNT_TIMEOUT_MS = 250;
/** After a count that did not come, Redis is not asked for this long: otherwise each request of an outage would wait. */
const REST_MS = 1_000;

/** What is left to somebody of the present minute. */
export interface RequestCount {
  /** Whether this request is one of those that he may make. */
  allowed: boolean;
  remaining: number;
  /** Milliseconds until all are his again. */
  resetMs: number;
}

/**
 * Counts requests in windows of a minute, in Redis for all processes together. While Redis does not answer, each process counts for
 * itself, from the last number that it has heard: a limit that holds less well for a while is better than requests that nobody serves.
 */
@Injectable()
export class RequestLimiter {
  /** The limit is each caller's own and compared here: the package only counts. */
  private readonly counted = { points: Number.MAX_SAFE_INTEGER, duration: WINDOW_SECONDS };
  private readonly local = new RateLimiterMemory(this.counted);
  private shared: RateLimiterRedis | undefined;
  private restsUntil = 0;

  constructor(
    private readonly connections: RedisConnections,
    private readonly prefix: string,
  ) {}

  /** Counts a request of `who`. Never throws, and takes a quarter of a second at most. */
  async count(who: string, perMinute: number): Promise<RequestCount> {
    const shared = await this.countShared(who);
    if (shared) await this.local.set(who, shared.consumedPoints, Math.max(1, shared.msBeforeNext) / 1_000);
    const { consumedPoints, msBeforeNext } = shared ?? (await this.local.consume(who));
    return {
      allowed: consumedPoints <= perMinute,
      remaining: Math.max(0, perMinute - consumedPoints),
      resetMs: Math.max(0, msBeforeNext),
    };
  }

  private async countShared(who: string) {
    if (performance.now() < this.restsUntil) return undefined;
    this.shared ??= new RateLimiterRedis({
      ...this.counted,
      storeClient: this.connections.shared,
      keyPrefix: `${this.prefix}:requests`,
      rejectIfRedisNotReady: true,
    });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const give = () => reject(new Error(`Redis did not answer within ${COUNT_TIMEOUT_MS} ms`));
      // in a burst it is this process that is late: what has arrived meanwhile is read before it is given up
      timer = setTimeout(() => setImmediate(give), COUNT_TIMEOUT_MS);
    });
    try {
      return await Promise.race([this.shared.consume(who), timeout]);
    } catch (error) {
      // of those that were under way together one line is enough
      if (performance.now() >= this.restsUntil)
        this.connections.report('requests are counted by this process alone', error);
      this.restsUntil = performance.now() + REST_MS;
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}
