import { DomainError, type Json } from '@task-engine/domain';
import { isObject } from './merge-deep';
import { joinPath } from './parameter-normaliser';

/** Levels of lists and objects that parameters may have. */
const MAX_DEPTH = 32;

/**
 * Refuses submitted values that no part behind can keep: `__proto__` as a name (own data in JSON, but a trap for whoever copies it with
 * an assignment) and deep nesting. Throws DomainError invalid_parameter.
 */
export function refuseHostileShape(value: unknown, path = '', depth = 0): void {
  if (value === null || typeof value !== 'object') return;
  if (depth > MAX_DEPTH)
    throw new DomainError(
      'invalid_parameter',
      `Invalid parameter: ${firstName(path)} must have at most ${MAX_DEPTH} levels`,
    );
  if (Array.isArray(value))
    return value.forEach((entry, index) => refuseHostileShape(entry, joinPath(path, index), depth + 1));
  for (const [name, entry] of Object.entries(value)) {
    if (name === '__proto__')
      throw new DomainError('invalid_parameter', `Invalid parameter: ${joinPath(path, name)} must have another name`);
    refuseHostileShape(entry, joinPath(path, name), depth + 1);
  }
}

/** Refuses text that PostgreSQL cannot store: NUL and lone surrogates. Throws DomainError invalid_parameter. */
export function refuseUnstorableText(value: Json, path = ''): void {
  if (typeof value === 'string' && isUnstorable(value)) fail(path);
  if (Array.isArray(value)) value.forEach((entry, index) => refuseUnstorableText(entry, joinPath(path, index)));
  if (!isObject(value)) return;
  for (const [name, entry] of Object.entries(value)) {
    if (isUnstorable(name)) fail(path || 'parameters');
    refuseUnstorableText(entry, joinPath(path, name));
  }
}

function isUnstorable(text: string): boolean {
  // With the u flag a pair matches as one character, so \p{Surrogate} finds lone halves only.
  return text.includes('\u0000') || /\p{Surrogate}/u.test(text);
}

function fail(path: string): never {
  throw new DomainError('invalid_parameter', `Invalid parameter: ${path} must be text without NUL and lone surrogates`);
}

function firstName(path: string): string {
  return /^[^.[]*/.exec(path)?.[0] || 'parameters';
}
