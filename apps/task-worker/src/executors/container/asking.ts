import { isUnavailable } from '@task-engine/database';
import { throwIfAborted } from '../handler';

/** Between two attempts to reach PostgreSQL, in milliseconds. */
const DATABASE_RETRY_MS = 500;

/** Tries again while PostgreSQL is away: a restart of it costs time, no run. The signal aborts when the lease may be over. */
export async function asking<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      throwIfAborted(signal);
      await new Promise((resolve) => setTimeout(resolve, DATABASE_RETRY_MS));
      throwIfAborted(signal);
    }
  }
}
