import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { DomainError, type ErrorCode } from '@task-engine/domain';
import { Log } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { describeFault, RETRY_AFTER } from '../../../http/fallback.filter';
import { ParseFault } from '../json/decode';
import { encode } from '../json/encode';
import { BodyTooLarge, Empty, envelope, Refusal, TextRefusal } from './answer';
import { JSON_TYPE } from './envelope.interceptor';

export const TEXT = 'text/plain; charset=utf-8';

const STATUS_OF = {
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

/** Writes what is thrown in the dialect's controllers in the shape that its clients know. */
@Injectable()
@Catch()
export class TaskTrackerFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof Empty) return void reply.code(error.status).send();
    if (error instanceof TextRefusal) return text(reply, error);
    if (error instanceof Refusal) return refuse(reply, error.status, { message: error.message, ...error.extra });
    if (error instanceof ParseFault) return refuse(reply, 400, { message: 'Could not parse request' });
    const { status, message } =
      error instanceof DomainError
        ? { status: STATUS_OF[error.code] as number, message: error.message }
        : describeFault(error);
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const route = `${request.method} ${request.routeOptions.url}`;
    if (status === 500) this.log.error({ err: error, route }, 'request failed');
    if (status === 503) {
      this.log.warn({ err: error, route }, 'the database does not serve: the caller is asked to come again');
      void reply.header('retry-after', RETRY_AFTER);
    }
    refuse(reply, status, { message });
  }
}

function refuse(reply: FastifyReply, status: number, parts: Parameters<typeof envelope>[1]): void {
  void reply
    .code(status)
    .type(JSON_TYPE)
    .send(Buffer.from(encode(envelope(false, parts))));
}

function text(reply: FastifyReply, refusal: TextRefusal): void {
  if (refusal instanceof BodyTooLarge) void reply.header('connection', 'close');
  void reply.code(refusal.status).type(TEXT).send(refusal.message);
}
