import { throwIfAborted } from './handler';

/**
 * Runs `work` over the items, at most `limit` at one time, in order of the items. The first failure stops the others (their signal
 * fires) and is thrown once all have ended, so nothing runs on behind the caller's back.
 */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  let firstError: unknown;
  let next = 0;
  const runOne = async (): Promise<void> => {
    while (next < items.length && !both.aborted) {
      const item = items[next] as T;
      next += 1;
      try {
        await work(item, both);
      } catch (error) {
        firstError ??= error;
        failed.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runOne));
  throwIfAborted(signal);
  if (failed.signal.aborted) throw firstError;
}
