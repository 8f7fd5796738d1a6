import { HostUnreachable } from '../runtime';

/** What a request needs, in the words of Kubernetes' roles. */
export interface Permission {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'delete';
  /** `jobs.batch`, `pods`, `pods/log`, `events`, or a path of the API server such as `/version`. */
  readonly resource: string;
}

/** The API has answered, and said no. */
export class ApiRefusal extends Error {
  override name = 'ApiRefusal';
  constructor(
    /** HTTP status. */
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Where a request went, and what for. */
export interface Asked extends Permission {
  /** `host:port` */
  readonly server: string;
  readonly namespace: string;
}

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
/** The server is there and cannot do it now: it may a moment later. */
const LATER = [408, 429];

/**
 * What a failed request means. The client library has no type for its failures: an answer has a status in `code` or `statusCode`, a connection that
 * failed has none. Its own messages are not used: they contain every header of the answer.
 */
export function failureOf(error: unknown, asked: Asked): ApiRefusal | HostUnreachable {
  if (error instanceof HostUnreachable || error instanceof ApiRefusal) return error;
  const status = statusOf(error);
  const said = messageOf(error);
  if (status === undefined) return new HostUnreachable(`${asked.server}: ${said}`, { cause: error });
  if (status >= 500 || LATER.includes(status)) {
    return new HostUnreachable(`${asked.server}: ${said || `status ${status}`}`, { cause: error });
  }
  return new ApiRefusal(status, refusalText(status, said, asked), { cause: error });
}

/** HTTP status of an answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  if (typeof code === 'number') return code;
  return typeof statusCode === 'number' ? statusCode : undefined;
}

/** Seconds that the server asks to wait before another try; undefined when it does not. */
export function retryAfterSeconds(error: unknown): number | undefined {
  const { headers } = (error ?? {}) as { headers?: Record<string, string> };
  const seconds = Number(headers?.['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

function refusalText(status: number, said: string, { verb, resource, server, namespace }: Asked): string {
  if (status === UNAUTHORIZED)
    return `The Kubernetes API at ${server} does not accept this worker's credentials (401).`;
  if (status !== FORBIDDEN) return said || `The Kubernetes API at ${server} answered with status ${status}.`;
  const needed = `The Kubernetes API refused to ${verb} ${resource} in namespace ${namespace} (403)`;
  return said ? `${needed}: ${said}` : `${needed}: this worker's role lacks the permission.`;
}

/** The `message` of a Status that was answered, else what the connection failed of; empty when nothing was said. */
function messageOf(error: unknown): string {
  const { body, message } = (error ?? {}) as { body?: unknown; message?: unknown };
  const answered = statusMessage(body);
  if (answered !== undefined) return answered;
  return statusOf(error) === undefined ? (typeof message === 'string' ? message : String(error)) : '';
}

function statusMessage(body: unknown): string | undefined {
  try {
    const status = (typeof body === 'string' ? JSON.parse(body) : body) as { message?: unknown } | undefined;
    return typeof status?.message === 'string' ? status.message : undefined;
  } catch {
    // a proxy's page
    return undefined;
  }
}
