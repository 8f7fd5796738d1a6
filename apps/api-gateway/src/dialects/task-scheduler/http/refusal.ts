/** What each refusal is answered with; clients tell them apart by the code. */
const STATUS = {
  malformed_json: 400,
  invalid_query: 400,
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  conflict: 409,
  payload_too_large: 413,
  validation_error: 422,
  rate_limit_exceeded: 429,
  internal_error: 500,
  unavailable: 503,
} as const;

export type RefusalCode = keyof typeof STATUS;

export const REFUSAL_CODES = Object.keys(STATUS) as RefusalCode[];

export type Details = Record<string, string | string[] | number>;

export interface ErrorEnvelope {
  error: { code: RefusalCode; message: string; details?: Details };
}

/** A request that is not served, and why. */
export class Refusal extends Error {
  /** @param headers that go out with it */
  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly details?: Details,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }

  get status(): number {
    return STATUS[this.code];
  }

  get envelope(): ErrorEnvelope {
    return { error: { code: this.code, message: this.message, ...(this.details && { details: this.details }) } };
  }
}

/** Fields of a body that are wrong, each with what is wrong about it. */
export function invalidFields(faults: Record<string, string>): Refusal {
  const [[name, fault] = ['', '']] = Object.entries(faults);
  return new Refusal('validation_error', `${name} ${fault}`, faults);
}

export function invalidQuery(name: string, fault: string): Refusal {
  return new Refusal('invalid_query', `${name} ${fault}`, { [name]: fault });
}

export function notFound(what: 'Task' | 'Worker' | 'Webhook' | 'Delivery'): Refusal {
  return new Refusal('not_found', `${what} not found`);
}

/** @param challenge what is wrong with a bearer token that was given (RFC 6750) */
export function unauthorized(message: string, challenge = ''): Refusal {
  return new Refusal('unauthorized', message, undefined, {
    'www-authenticate': `ApiKey realm="api", Bearer realm="api"${challenge}`,
  });
}

export function invalidToken(message: string): Refusal {
  return unauthorized(message, ', error="invalid_token"');
}
