import type { IncomingMessage } from 'node:http';
import { PayloadTooLargeException } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { parseJson } from './json-text';

/** How much of an oversized body is read and thrown away before the connection is cut. */
const DRAINED_BYTES = 64 * 1024 * 1024;

/** What Fastify makes of a Content-Type that is empty or has not the form `type/subtype`. */
const UNREADABLE_TYPE = '/';

const JSON_TYPE = /^[^;]*[/+]json\s*(;|$)/i;

/**
 * The bytes of a request body, parsed when they are asked for. So a dialect authenticates before it complains about a body, and writes
 * the complaint in its own words, which a parser inside the server could not.
 */
export class ReceivedBody {
  private parsed: { value: unknown } | { error: unknown } | undefined;

  /** @param bytes undefined when there were too many of them for any route; `limit` is what a route allows that says nothing else */
  constructor(
    private readonly bytes: Buffer | undefined,
    private readonly contentType: string | undefined,
    private readonly limit: number,
  ) {}

  /** @throws PayloadTooLargeException */
  assertSize(limit = this.limit): void {
    this.within(limit);
  }

  /**
   * The bytes as they came.
   * @throws PayloadTooLargeException
   */
  raw(limit = this.limit): Buffer {
    return this.within(limit);
  }

  private within(limit: number): Buffer {
    if (!this.bytes || this.bytes.length > limit)
      throw new PayloadTooLargeException(`The request body is larger than ${limit} bytes`);
    return this.bytes;
  }

  /**
   * The JSON in the body; undefined when it is empty.
   * @param anyType whatever Content-Type it came under
   * @throws PayloadTooLargeException, DomainError invalid_parameter
   */
  json({ anyType = false } = {}): unknown {
    const bytes = this.within(this.limit);
    if (bytes.length === 0) return undefined;
    if (!anyType && !JSON_TYPE.test(this.contentType ?? '')) {
      throw new DomainError('invalid_parameter', 'Content-Type must be application/json');
    }
    this.parsed ??= attempt(() => parseJson(bytes));
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

/**
 * Makes every body of every content type arrive as a ReceivedBody.
 * @param limit bytes of an ordinary body; `largest` of one that a route may ask for
 */
export function receiveBodies(app: NestFastifyApplication, limit: number, largest: number): void {
  const fastify = app.getHttpAdapter().getInstance();
  // with one parser given, Nest leaves its own away; this one would still cut connections at Fastify's limit
  app.useBodyParser('*', {}, (_request, _bytes, done) => done(null));
  fastify.removeAllContentTypeParsers();
  // Fastify would refuse what it cannot read as a type, before authentication and in its own words: let it count as not given
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (request.mediaType === UNREADABLE_TYPE) request.headers = { 'content-type': undefined };
    done();
  });
  fastify.addContentTypeParser(
    '*',
    async (request: FastifyRequest, stream: IncomingMessage) =>
      new ReceivedBody(await collect(stream, largest), request.headers['content-type'], limit),
  );
}

/**
 * Reads a body to its end. Of one that is larger than `largest` nothing is kept, but it is read on for a while: a client that is still
 * sending when the connection closes loses the answer.
 */
async function collect(stream: IncomingMessage, largest: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= largest) chunks.push(chunk);
    else chunks.length = 0;
    if (size > largest + DRAINED_BYTES) break;
  }
  return size <= largest ? Buffer.concat(chunks, size) : undefined;
}

/** The body of a request that came with one. */
export function receivedBody(request: FastifyRequest): ReceivedBody | undefined {
  return request.body instanceof ReceivedBody ? request.body : undefined;
}
