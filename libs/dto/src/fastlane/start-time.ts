/** A hundred years: nobody waits longer, and no date behind it leaves the calendar. */
const MAX_START_IN = 100 * 366 * 86_400;
/** The last second of the year 9999. */
const MAX_UNIX = 253_402_300_799;

/**
 * Seconds of `[<n>h][<n>m][<n>s]`, in this order; 0 for an empty text and for `0`. Undefined for anything else: a unit that is not known
 * must not become "at once" in silence.
 */
export function readStartIn(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^(?:(\d{1,10})h)?(?:(\d{1,10})m)?(?:(\d{1,10})s)?$/.exec(value === '0' ? '' : value);
  if (!match) return undefined;
  const [hours, minutes, seconds] = [1, 2, 3].map((group) => Number(match[group] ?? 0)) as [number, number, number];
  const total = (hours * 60 + minutes) * 60 + seconds;
  return total <= MAX_START_IN ? total : undefined;
}

/** Whole seconds since 1970 of a number or of its text; fractions are cut off, an empty text is 0. Undefined for anything else. */
export function readUnixSeconds(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  if (text === '') return 0;
  if (typeof value === 'string' && !/^[+-]?\d{1,15}(\.\d{1,15})?$/.test(text)) return undefined;
  const seconds = Math.trunc(Number(text));
  return Number.isFinite(seconds) && Math.abs(seconds) <= MAX_UNIX ? seconds : undefined;
}
