import { DomainError } from '@task-engine/domain';
import type { FastifyRequest } from 'fastify';

const HEADER = 'idempotency-key';
/** A string of RFC 8941, as the draft writes the key; most clients send it without the quotes. */
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/;
const KEY = /^[\x20-\x7e]{1,255}$/;

/**
 * The Idempotency-Key of a request; undefined when it has none. `"a"` and `a` are the same key.
 * @throws DomainError invalid_parameter unless it is given once and has 1 to 255 printable ASCII characters
 */
export function idempotencyKey(request: FastifyRequest): string | undefined {
  if (request.headers[HEADER] === undefined) return undefined;
  // in `headers` several come joined with a comma, which a key may hold
  const [text = '', ...more] = request.raw.headersDistinct[HEADER] ?? [];
  if (more.length > 0) throw new DomainError('invalid_parameter', 'Invalid header: Idempotency-Key must be given once');
  const key = QUOTED.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1') ?? text;
  if (!KEY.test(key))
    throw new DomainError('invalid_parameter', 'Invalid header: Idempotency-Key must be 1 to 255 printable characters');
  return key;
}
