import { DomainError, type JsonObject } from '@task-engine/domain';
import { isObject } from './merge-deep';
import { readMediaTime, type MediaTime } from './media-time';

/** Computes the earliest time a job may run. `submitted` is the caller's run_at. Throws DomainError for what cannot be scheduled. */
type ScheduleHandler = (input: JsonObject, submitted: Date | null, now: Date) => Date | null;

const SCHEDULES: Readonly<Record<string, ScheduleHandler>> = { 'builtin:capture.schedule': captureSchedule };

export function isSchedule(uses: string): boolean {
  return Object.hasOwn(SCHEDULES, uses);
}

/** Runs the handler that a definition's `schedule.uses` names. */
export function runSchedule(uses: string, input: JsonObject, submitted: Date | null, now: Date): Date | null {
  const handler = Object.hasOwn(SCHEDULES, uses) ? SCHEDULES[uses] : undefined;
  if (!handler) throw new Error(`Unknown schedule handler: ${uses}`);
  return handler(input, submitted, now);
}

/** A continuous capture may start when this part of its span has passed. */
const CONTINUOUS_START = 0.8;
/** Shorter spans (ms) are captured from their first moment. */
const SHORT_SPAN = 60_000;

/**
 * When a capture may run (table 1.6 of the workflow reference): not before the latest UTC end of its clips, since a stream
 * cannot be cut before it was sent. Offsets count from the source's first frame and say nothing about the clock.
 */
export function captureSchedule(input: JsonObject, submitted: Date | null, now: Date): Date | null {
  const clips = Array.isArray(input.clips) ? input.clips.filter(isObject) : [];
  clips.forEach(checkOrder);
  const ends = instants(clips, 'end');
  const end = ends.length > 0 ? Math.max(...ends) : undefined;
  if (end === undefined || end <= now.getTime()) return submitted;
  if (input.continuous !== true) return new Date(Math.max(end, submitted?.getTime() ?? end));
  if (submitted) return submitted;
  const start = instants(clips, 'start').reduce((earliest, start) => Math.min(earliest, start), Infinity);
  const from = Number.isFinite(start) ? start : now.getTime();
  return new Date(end - from < SHORT_SPAN ? from : Math.round(from + CONTINUOUS_START * (end - from)));
}

function checkOrder(clip: JsonObject, index: number): void {
  const [start, end] = [readMediaTime(clip.start), readMediaTime(clip.end)];
  if (!start || !end || start.kind !== end.kind || valueOf(end) > valueOf(start)) return;
  throw new DomainError('invalid_parameter', `Invalid parameter: clips[${index}].end must be later than start`);
}

function instants(clips: JsonObject[], field: 'start' | 'end'): number[] {
  return clips
    .map((clip) => readMediaTime(clip[field]))
    .filter((time): time is MediaTime & { kind: 'instant' } => time?.kind === 'instant')
    .map((time) => Math.ceil(time.epochSeconds * 1000 - 1e-4));
}

function valueOf(time: MediaTime): number {
  return time.kind === 'offset' ? time.seconds : time.epochSeconds;
}
