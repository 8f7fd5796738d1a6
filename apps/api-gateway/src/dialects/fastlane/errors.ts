import { DomainError, type ErrorCode } from '@task-engine/domain';
import type { PageStatus } from './addresses/html-page';

/** The documents know 400 for bad input, 404 for what is not there. They know no Idempotency-Key: 422 is its draft's. */
export const STATUS_OF = {
  invalid_parameter: 400,
  unknown_workflow: 400,
  not_supported: 400,
  not_configured: 400,
  not_found: 404,
  illegal_transition: 400,
  stale_lease: 400,
  key_reused: 422,
  unauthorised: 401,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>;

/** A refusal as most routes word it: `{ error, operation }`. */
export class OperationRefused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly operation: string,
  ) {
    super(message);
  }
}

/** A refusal that is nothing but its text. */
export class TextRefused extends Error {
  readonly status = 400;
}

/** A refusal that is a page. */
export class PageRefused extends Error {
  constructor(readonly status: PageStatus) {
    super(`page ${status}`);
  }
}

/**
 * What to throw instead of a verb's error: that something is not there, or cannot be done now, is said as `{ error, operation }`.
 * @param notFound the text where the verb found nothing
 */
export function refusalOf(error: unknown, operation: string, notFound: string): unknown {
  if (!(error instanceof DomainError)) return error;
  if (error.code === 'not_found') return new OperationRefused(404, notFound, operation);
  if (error.code === 'illegal_transition') return new OperationRefused(400, error.message, operation);
  return error;
}
