import { DomainError, type Json } from '@task-engine/domain';

/** A place in a source: seconds from its first video frame, or a point of wall clock time (seconds since 1970, UTC). */
export type MediaTime = { kind: 'offset'; seconds: number } | { kind: 'instant'; epochSeconds: number };

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z?$/;
const SECONDS = /^\d+(?:\.\d+)?$/;
const CLOCK = /^(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d+)?)$/;

/**
 * Reads `yyyy-MM-ddTHH:mm:ss[.fff][Z]`, always UTC; further fraction digits are cut off at milliseconds.
 * Throws DomainError invalid_parameter for anything else, dates that do not exist included.
 */
export function parseInstant(text: unknown, path = 'time'): Date {
  const seconds = typeof text === 'string' ? epochSeconds(text) : undefined;
  if (seconds === undefined)
    throw new DomainError(
      'invalid_parameter',
      `Invalid parameter: ${path} must be a UTC time like 2024-01-31T10:00:00.000Z`,
    );
  return new Date(Math.floor(seconds * 1000 + 1e-4));
}

/**
 * Reads a time of a workflow: seconds (number or decimal string), `[hh:]mm:ss[.fraction]` or a UTC instant, rounded to
 * 1 us. Throws DomainError invalid_parameter.
 */
export function parseMediaTime(value: Json | undefined, path = 'time'): MediaTime {
  const time = readMediaTime(value);
  if (!time) throw new DomainError('invalid_parameter', `Invalid parameter: ${path} must be a time`);
  return time;
}

/** As parseMediaTime, undefined instead of an error. */
export function readMediaTime(value: Json | undefined): MediaTime | undefined {
  if (typeof value === 'number') return offset(value);
  if (typeof value !== 'string') return undefined;
  if (SECONDS.test(value)) return offset(Number(value));
  const clock = CLOCK.exec(value);
  if (clock) {
    const [hours, minutes, seconds] = [Number(clock[1] ?? 0), Number(clock[2]), Number(clock[3])];
    if (seconds >= 60 || (clock[1] !== undefined && minutes >= 60)) return undefined;
    return offset(hours * 3600 + minutes * 60 + seconds);
  }
  const epoch = epochSeconds(value);
  return epoch === undefined ? undefined : { kind: 'instant', epochSeconds: micro(epoch) };
}

function offset(seconds: number): MediaTime | undefined {
  return Number.isFinite(seconds) && seconds >= 0 ? { kind: 'offset', seconds: micro(seconds) } : undefined;
}

function micro(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}

function epochSeconds(text: string): number | undefined {
  const match = INSTANT.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  // JavaScript rolls 30 February over into March: whatever does not read back the same never existed. PostgreSQL has no year 0.
  const exists =
    year > 0 &&
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return exists ? date.getTime() / 1000 + Number(`0.${match[7] ?? '0'}`) : undefined;
}
