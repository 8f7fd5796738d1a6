import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { DomainError, type ErrorCode } from '@task-engine/domain';
import { Log } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { describeFault, RETRY_AFTER } from '../../../http/fallback.filter';
import { MalformedJson } from '../../../http/json-text';
import { Refusal, type RefusalCode } from './refusal';

const CODE_OF = {
  invalid_parameter: 'validation_error',
  unknown_workflow: 'validation_error',
  not_supported: 'validation_error',
  not_configured: 'validation_error',
  not_found: 'not_found',
  illegal_transition: 'conflict',
  stale_lease: 'conflict',
  key_reused: 'validation_error',
  unauthorised: 'unauthorized',
  unavailable: 'unavailable',
} as const satisfies Record<ErrorCode, RefusalCode>;

/** Writes every error of the dialect's routes in its envelope. */
@Injectable()
@Catch()
export class TaskSchedulerFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const refusal = refusalOf(error);
    const route = `${request.method} ${request.routeOptions.url}`;
    if (refusal.code === 'internal_error') this.log.error({ err: error, route }, 'request failed');
    if (refusal.code === 'unavailable')
      this.log.warn({ err: error, route }, 'the database does not serve: the caller is asked to come again');
    void reply.code(refusal.status).headers(refusal.headers).send(refusal.envelope);
  }
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof MalformedJson) return new Refusal('malformed_json', error.message);
  const { code, message } =
    error instanceof DomainError ? { code: CODE_OF[error.code], message: error.message } : faultOf(error);
  return new Refusal(code, message, undefined, code === 'unavailable' ? { 'retry-after': RETRY_AFTER } : {});
}

/** What is no error of ours: of the server, of the database, or a mistake in here. */
function faultOf(error: unknown): { code: RefusalCode; message: string } {
  const { status, message } = describeFault(error);
  if (status === 404) return { code: 'not_found', message };
  if (status === 413) return { code: 'payload_too_large', message };
  if (status === 503) return { code: 'unavailable', message };
  return { code: status < 500 ? 'bad_request' : 'internal_error', message };
}
