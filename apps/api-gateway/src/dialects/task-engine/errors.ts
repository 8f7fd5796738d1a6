import type { ErrorCode } from '@task-engine/domain';

/** The documents know 400 for whatever a caller got wrong, unknown ids included, and 401. They know no Idempotency-Key: 422 is its draft's. */
export const STATUS = {
  invalid_parameter: 400,
  unknown_workflow: 400,
  not_supported: 400,
  not_configured: 400,
  not_found: 400,
  illegal_transition: 400,
  stale_lease: 400,
  key_reused: 422,
  unauthorised: 401,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>;

export const UNAUTHORISED = { result: 'Unauthorised request.' };

/** Text of POST /job when a fault of ours kept the request from being written. */
export const SUBMIT_FAULT = 'Unable to create job request';
