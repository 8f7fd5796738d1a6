export interface Backoff {
  /** Delay before the second attempt, in seconds. */
  baseSeconds: number;
  /** No delay is longer, in seconds. */
  maxSeconds: number;
}

/**
 * Exponential back-off with jitter: `base * 2^(attempt - 1)` up to the maximum, less up to a fifth of it.
 * Jitter only shortens, so the documented maximum holds; a fifth is enough to spread a burst that failed together.
 *
 * @param attempt number of attempts made, from 1
 * @param random a number in [0, 1)
 * @returns seconds until the next attempt
 */
export function backoffSeconds(attempt: number, { baseSeconds, maxSeconds }: Backoff, random = Math.random()): number {
  const full = Math.min(maxSeconds, baseSeconds * 2 ** Math.min(attempt - 1, 40));
  return full * (1 - 0.2 * random);
}
