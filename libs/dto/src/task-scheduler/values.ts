import { dayOrInstant } from '../task-engine/time-range';
import { readRowId } from './ids';

/** Bytes of a command line: Linux takes twice as much in one argument. */
export const MAX_COMMAND_BYTES = 65_536;
/** Bytes of a checkpoint as JSON: it has to fit into an environment variable. */
export const MAX_CHECKPOINT_BYTES = 65_536;
export const MAX_DEPENDENCIES = 10_000;

const WORKER_TAG = /^[A-Za-z0-9._-]{1,64}$/;

/** Characters, not units of UTF-16. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

export function isText(value: unknown, min: number, max: number): value is string {
  return typeof value === 'string' && lengthOf(value) >= min && lengthOf(value) <= max;
}

export function isInteger(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

export function isName(value: unknown): boolean {
  return isText(value, 1, 255) && value.trim() !== '';
}

export function isCommand(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '' && Buffer.byteLength(value) <= MAX_COMMAND_BYTES;
}

export function isListOf(value: unknown, max: number, holds: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= max && value.every(holds);
}

export function isWorkerTag(value: unknown): boolean {
  return typeof value === 'string' && WORKER_TAG.test(value);
}

export function isTaskId(value: unknown): boolean {
  return typeof value === 'string' && readRowId('task', value) !== undefined;
}

/** ISO 8601; without a zone it is UTC. Undefined for what is none, and outside of the years 1970 to 9999. */
export function readTime(value: unknown): Date | undefined {
  const time = typeof value === 'string' ? dayOrInstant(value)?.start : undefined;
  const year = time?.getUTCFullYear();
  return year !== undefined && year >= 1970 && year <= 9999 ? time : undefined;
}

export function isCheckpoint(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Buffer.byteLength(JSON.stringify(value)) <= MAX_CHECKPOINT_BYTES
  );
}

/** http or https, without a name and a password in it, and without blanks and new lines, which a parser would leave out in silence. */
export function isWebhookUrl(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 2_048 || !/^https?:\/\/\S+$/i.test(value)) return false;
  const url = URL.parse(value);
  return url !== null && url.hostname !== '' && url.username === '' && url.password === '';
}
