import { eventually as until, type EventuallyOptions } from '../../scripts/local/eventually';

/** As `until`, but on a machine that has much else to do: 30 s unless told. */
export function eventually<T>(probe: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  return until(probe, { timeout: 30_000, ...options });
}
