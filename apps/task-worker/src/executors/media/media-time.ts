import type { Json } from '@task-engine/domain';
import { parseMediaTime } from '@task-engine/workflows';

/**
 * A position in a source, in whole microseconds: an offset from the first video frame, or a UTC instant since 1970. Whole numbers,
 * because sums of decimal seconds drift across frame borders.
 */
export interface Position {
  readonly kind: 'offset' | 'instant';
  readonly us: number;
}

/** Reads a submitted time; absent, null and "" are no position. */
export function position(value: Json | undefined): Position | null {
  if (value === undefined || value === null || value === '') return null;
  const time = parseMediaTime(value);
  return time.kind === 'offset'
    ? { kind: 'offset', us: Math.round(time.seconds * 1e6) }
    : { kind: 'instant', us: Math.round(time.epochSeconds * 1e6) };
}

/** `hh:mm:ss.fff` with the given number of decimals. */
export function clock(seconds: number, decimals = 3): string {
  const scale = 10 ** decimals;
  const units = Math.max(0, Math.round(seconds * scale));
  const whole = Math.floor(units / scale);
  const pad = (value: number, length = 2) => String(value).padStart(length, '0');
  const fraction = decimals > 0 ? `.${pad(units % scale, decimals)}` : '';
  return `${pad(Math.floor(whole / 3600))}:${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}${fraction}`;
}

/** Seconds with at most three decimals and no trailing zeros: `2`, `0.08`. */
export function seconds(us: number): string {
  return String(Math.round(us / 1000) / 1000);
}

/** `2024-01-01T10:00:00.000Z` */
export function instant(us: number): string {
  return new Date(Math.round(us / 1000)).toISOString();
}

/** A position of the source as a log line shows it. */
export function shownPosition({ kind, us }: Position): string {
  return kind === 'instant' ? instant(us) : clock(us / 1e6);
}

/** Exact decimal seconds for ffmpeg: whole microseconds written out, never `1e-7`. */
export function exactSeconds(us: number): string {
  const sign = us < 0 ? '-' : '';
  const value = Math.abs(Math.round(us));
  return `${sign}${Math.floor(value / 1e6)}.${String(value % 1e6).padStart(6, '0')}`;
}
