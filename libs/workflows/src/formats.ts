import { DomainError } from '@task-engine/domain';
import { readMediaTime } from './media-time';

interface Format {
  /** What a wrong value must be, as in `Invalid parameter: <path> must <what>`. */
  readonly must: string;
  readonly test: (value: string) => boolean;
}

/** String formats that parameter schemas may name. */
export const FORMATS = {
  /** Folder below a storage root; the root itself is not one. */
  'storage-folder': { must: 'name a place below the storage root', test: isBelowRoot },
  /** File below a storage root. */
  'storage-file': {
    must: 'name a place below the storage root',
    test: (value) => isBelowRoot(value) && !/(^|\/)\.?$/.test(value),
  },
  'file-name': { must: 'be a file name', test: isFileName },
  'image-file-name': {
    must: 'be a file name ending in .jpg, .jpeg, .png or .webp',
    test: (value) => isFileName(value) && /.\.(jpe?g|png|webp)$/i.test(value),
  },
  'media-time': { must: 'be a time', test: (value) => readMediaTime(value) !== undefined },
  'http-url': { must: 'be an http(s) URL', test: isHttpUrl },
  'stream-url': { must: 'be an http(s) URL', test: isHttpUrl },
  uri: { must: 'be an http(s) URL', test: isHttpUrl },
} as const satisfies Record<string, Format>;

export function isFormat(name: unknown): name is keyof typeof FORMATS {
  return typeof name === 'string' && Object.hasOwn(FORMATS, name);
}

/** Checks an http(s) URL: `//`, a host, port 1-65535, no white space. Throws DomainError invalid_parameter. */
export function parseHttpUrl(value: unknown, path = 'url'): string {
  if (typeof value !== 'string' || !isHttpUrl(value)) {
    throw new DomainError('invalid_parameter', `Invalid parameter: ${path} must be an http(s) URL`);
  }
  return value;
}

/** Reads a job's priority: an integer 1 (first) to 10, also as a string of digits. Throws DomainError invalid_parameter. */
export function parsePriority(value: unknown, path = 'job.priority'): number {
  const priority = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : value;
  if (typeof priority !== 'number' || !Number.isInteger(priority) || priority < 1 || priority > 10) {
    throw new DomainError('invalid_parameter', `Invalid parameter: ${path} must be an integer from 1 to 10`);
  }
  return priority;
}

/** `new URL` repairs a good deal (missing slashes, white space, back-slashes, port 0); a caller's slip must not be repaired in silence. */
function isHttpUrl(value: string): boolean {
  if (value.length > 8192 || !/^https?:\/\/[^/?#]/i.test(value) || /[\s\\\u0000-\u001f\u007f]/.test(value))
    return false;
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  const authority = value.replace(/^https?:\/\//i, '').split(/[/?#]/)[0] ?? '';
  return url.hostname !== '' && url.port !== '0' && !authority.endsWith(':');
}

const CONTROL = /[\u0000-\u001f\u007f]/;

function isBelowRoot(value: string): boolean {
  if (CONTROL.test(value) || value.includes('\\')) return false;
  const parts = value.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length > 0 && !parts.includes('..');
}

function isFileName(value: string): boolean {
  return (
    value !== '' &&
    value !== '.' &&
    value !== '..' &&
    !value.includes('/') &&
    !value.includes('\\') &&
    !CONTROL.test(value)
  );
}
