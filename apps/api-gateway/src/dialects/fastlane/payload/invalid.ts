import { DomainError } from '@task-engine/domain';

/** A field that cannot be taken; the rest of the sentence says what it must be. */
export function invalid(path: string, must: string): DomainError {
  return new DomainError('invalid_parameter', `Invalid parameter: ${path} ${must}`);
}

/** Names that callers made up are repeated in messages, but not at any length. */
export function shownName(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}...` : name;
}
