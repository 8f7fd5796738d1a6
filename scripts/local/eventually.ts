import { setTimeout as delay } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds until it gives up [10000]. */
  timeout?: number;
  /** Milliseconds between two tries [50]. */
  interval?: number;
}

/**
 * Calls `probe` until it neither throws nor answers `false`, and gives its answer.
 * @throws the last error of the probe, with the time spent, when the time is over.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { timeout = 10_000, interval = 50 }: EventuallyOptions = {},
): Promise<T> {
  const deadline = Date.now() + timeout;
  for (;;) {
    let fault: unknown;
    try {
      const answer = await probe();
      if (answer !== false) return answer;
      fault = new Error('the condition stayed false');
    } catch (error) {
      fault = error;
    }
    if (Date.now() >= deadline) {
      const error = fault instanceof Error ? fault : new Error(String(fault));
      error.message = `not within ${timeout} ms: ${error.message}`;
      throw error;
    }
    await delay(interval);
  }
}
