import type { JsonObject } from './json';

/**
 * Stable error codes of the engine. Each dialect maps every code to its own status and body
 * (`satisfies Record<ErrorCode, ...>`), so a new code breaks the build of every dialect that must learn it.
 */
export const ERROR_CODES = [
  /** A value in the request is missing, of the wrong type or out of range. */
  'invalid_parameter',
  /** The submission names a workflow that no definition provides. */
  'unknown_workflow',
  /** The request asks for a feature that is described but not built here. */
  'not_supported',
  /** The feature needs configuration that this installation or client lacks. */
  'not_configured',
  /** No such row, or a row of another client: the two look the same. */
  'not_found',
  /** The state machine does not allow the change from the row's present state. */
  'illegal_transition',
  /** The Idempotency-Key of this request came with another request before. */
  'key_reused',
  /** Missing, unknown or revoked credentials. */
  'unauthorised',
  /** A lease that is no longer the newest one of its execution. */
  'stale_lease',
  /** PostgreSQL or another dependency cannot serve the request now; nothing was written. */
  'unavailable',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** An error with a meaning for the caller. Carries no HTTP: each dialect translates `code`. */
export class DomainError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'DomainError';
  }
}

/**
 * A try of a task that failed in a way its job can tell about. `retryable` failures (network, 5xx, time-out, killed tool)
 * are repeated up to the retry limit; final ones (bad input, missing file, failed rule) fail the task at once.
 */
export class TaskFailure extends Error {
  readonly retryable: boolean;
  /** What the engine is told beside the message. */
  readonly output?: JsonObject;

  constructor(message: string, options: { retryable?: boolean; output?: JsonObject; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.output = options.output;
    this.name = 'TaskFailure';
    this.retryable = options.retryable ?? true;
  }
}
