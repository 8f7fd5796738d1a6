import { isSecretKey, maskSecret, redact } from '@task-engine/platform';
import type { FastifyRequest } from 'fastify';

/** What the first row of a job's log keeps of its request. */
export interface LoggedRequest {
  method: string;
  /** Without the query. */
  path: string;
  remoteAddress: string;
  httpVersion: string;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
}

/** Headers that Rack, whose names the log keeps, shows without HTTP_. */
const WITHOUT_PREFIX = new Set(['CONTENT_TYPE', 'CONTENT_LENGTH']);

/** Message of the row: JSON in the shape of the documents' sample, with secrets masked to their last four characters. */
export function requestLog(request: LoggedRequest): string {
  const headers: Record<string, string> = { HTTP_VERSION: `HTTP/${request.httpVersion}` };
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined) continue;
    const text = Array.isArray(value) ? value.join(', ') : value;
    const plain = name.toUpperCase().replaceAll('-', '_');
    headers[WITHOUT_PREFIX.has(plain) ? plain : `HTTP_${plain}`] = isSecretHeader(name)
      ? maskKey(text)
      : (redact(text) as string);
  }
  return JSON.stringify({
    path: `${request.method} ${request.path}`,
    remote_addr: request.remoteAddress,
    headers,
    parameters: redact(request.body ?? {}),
    payload: 'job_created',
  });
}

/** Wider than for other names: a header with `key` or `auth` in it is a credential more often than not. */
function isSecretHeader(name: string): boolean {
  return isSecretKey(name) || /key|auth/i.test(name);
}

/** The documents' sample shows the last four characters; of a key of fewer than eight they would be too much of it. */
function maskKey(key: string): string {
  return key.length === 8 ? `****${key.slice(-4)}` : maskSecret(key);
}

export function loggedRequest(request: FastifyRequest, body: unknown): LoggedRequest {
  return {
    method: request.method,
    path: request.url.split('?', 1)[0]!,
    remoteAddress: request.ip,
    httpVersion: request.raw.httpVersion,
    headers: request.headers,
    body,
  };
}
