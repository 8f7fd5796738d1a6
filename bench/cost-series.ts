/** How long one thing took, over several times. */
export interface Series {
  /** Milliseconds, unless the operation counts something per second. */
  median: number;
  p99: number;
  n: number;
}

/** How often an operation is measured: `n` times, but no longer than `seconds` altogether and at least three times. */
export interface Effort {
  n: number;
  seconds: number;
}

/** Calls before the first that counts: plans, catalogue and pages are read then. */
const WARM_UP = 2;

/** Runs an operation again and again, one after the other; `k` counts the calls so that each can ask for something else.
 * `before` each call is not timed. */
export async function measure(
  operation: (k: number) => Promise<unknown>,
  { n, seconds }: Effort,
  before?: () => Promise<unknown>,
): Promise<Series> {
  const taken: number[] = [];
  const end = performance.now() + seconds * 1_000;
  for (let k = 0; k < WARM_UP + n; k += 1) {
    await before?.();
    const began = performance.now();
    await operation(k);
    const now = performance.now();
    if (k >= WARM_UP) taken.push(now - began);
    if (taken.length >= 3 && now > end) break;
  }
  return seriesOf(taken);
}

export function seriesOf(taken: number[]): Series {
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { median: at(0.5), p99: at(0.99), n: sorted.length };
}
