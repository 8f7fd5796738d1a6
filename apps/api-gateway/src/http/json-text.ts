import { DomainError } from '@task-engine/domain';

/** Levels of lists and objects a body may have. */
export const MAX_DEPTH = 64;
/** Entries that one list or object of a body may have. */
export const MAX_ENTRIES = 10_000;

/** A body that is no JSON at all. */
export class MalformedJson extends DomainError {
  constructor(message: string) {
    super('invalid_parameter', message);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a request body. Refuses, besides malformed JSON, what some part behind could not keep or would trip over: bytes that are not
 * UTF-8, NUL and lone surrogates (PostgreSQL stores neither), numbers beyond Number.MAX_SAFE_INTEGER either way (as doubles they would
 * become others, or null), deep nesting, overlong lists, and the names that poison a prototype when an object is copied carelessly.
 * @throws DomainError invalid_parameter
 */
export function parseJson(bytes: Uint8Array): unknown {
  const value = parse(decode(bytes));
  check(value, 1);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new MalformedJson('The request body is not valid UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // the engine's own message quotes the body, which may hold secrets
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    throw new MalformedJson(`Malformed JSON in the request body${position ? ` at position ${position}` : ''}`);
  }
}

function check(value: unknown, depth: number): void {
  if (typeof value === 'string') return checkText(value);
  if (typeof value === 'number') {
    // an integer that parsing rounded lies beyond still, so that its text need not be looked at
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER)
      throw refused(
        `The request body holds a number that is out of range: beyond ${Number.MAX_SAFE_INTEGER} either way digits would be lost`,
      );
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw refused(`The request body is nested deeper than ${MAX_DEPTH} levels`);
  const names = Array.isArray(value) ? undefined : Object.keys(value);
  const entries: unknown[] = Array.isArray(value) ? value : Object.values(value);
  if (entries.length > MAX_ENTRIES)
    throw refused(`The request body has a list or object of more than ${MAX_ENTRIES} entries`);
  names?.forEach((name, index) => checkName(name, entries[index]));
  for (const entry of entries) check(entry, depth + 1);
}

function checkName(name: string, value: unknown): void {
  const poisons =
    name === '__proto__' ||
    (name === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype'));
  if (poisons)
    throw refused(
      `The request body holds the name ${name === '__proto__' ? name : 'constructor.prototype'}, which is not allowed`,
    );
  checkText(name);
}

/**
 * Refuses text that PostgreSQL cannot store.
 * @throws DomainError invalid_parameter
 */
export function checkText(text: string, what = 'The request body'): void {
  if (text.includes('\u0000')) throw refused(`${what} holds a NUL character`);
  if (!text.isWellFormed()) throw refused(`${what} holds half of a surrogate pair`);
}

function refused(message: string): DomainError {
  return new DomainError('invalid_parameter', message);
}
