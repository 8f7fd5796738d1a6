import { PayloadTooLargeException } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { parseJson } from './json-text';

const JSON_TYPE = /^[^;]*[/+]json\s*(;|$)/i;

/**
 * The bytes of a request body, parsed when they are asked for. So a dialect authenticates before it complains about a body, and writes
 * the complaint in its own words, which a parser inside the server could not.
 */
export class ReceivedBody {
  private parsed: { value: unknown } | { error: unknown } | undefined;

  /** @param limit bytes at most */
  constructor(
    private readonly bytes: Buffer,
    private readonly contentType: string | undefined,
    private readonly limit: number,
  ) {}

  /** @throws PayloadTooLargeException */
  assertSize(limit = this.limit): void {
    if (this.bytes.length > limit) throw new PayloadTooLargeException(`The request body is larger than ${limit} bytes`);
  }

  /**
   * The JSON in the body; undefined when it is empty.
   * @param anyType whatever Content-Type it came under
   * @throws PayloadTooLargeException, DomainError invalid_parameter
   */
  json({ anyType = false } = {}): unknown {
    this.assertSize();
    if (this.bytes.length === 0) return undefined;
    if (!anyType && !JSON_TYPE.test(this.contentType ?? '')) {
      throw new DomainError('invalid_parameter', 'Content-Type must be application/json');
    }
    this.parsed ??= attempt(() => parseJson(this.bytes));
    if ('error' in this.parsed) throw this.parsed.error;
    return this.parsed.value;
  }
}

function attempt(work: () => unknown): { value: unknown } | { error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

/** Makes every body of every content type arrive as a ReceivedBody. Nest registers no parsers of its own when one was given. */
export function receiveBodies(app: NestFastifyApplication, limit: number): void {
  app.getHttpAdapter().getInstance().removeAllContentTypeParsers();
  app.useBodyParser('*', {}, (request, bytes, done) => {
    done(null, new ReceivedBody(bytes as Buffer, request.headers['content-type'], limit));
  });
}

/** The body of a request that came with one. */
export function receivedBody(request: FastifyRequest): ReceivedBody | undefined {
  return request.body instanceof ReceivedBody ? request.body : undefined;
}
