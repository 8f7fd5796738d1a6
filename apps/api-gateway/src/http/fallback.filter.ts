import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, NotFoundException } from '@nestjs/common';
import { isUnavailable } from '@task-engine/database';
import { Log } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Seconds after which a caller may try again. */
export const RETRY_AFTER = '5';

/** What no dialect's own filter sees: unknown addresses, faults of the server itself. Never shows a stack. */
@Catch()
export class FallbackFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { status, message } = describeFault(error);
    if (status === 500)
      this.log.error(
        { err: error, path: host.switchToHttp().getRequest<FastifyRequest>().routeOptions?.url },
        'request failed',
      );
    if (status === 503) void reply.header('retry-after', RETRY_AFTER);
    void reply.code(status).send({ error: message });
  }
}

/** Status and text of an error that is no DomainError. */
export function describeFault(error: unknown): { status: number; message: string } {
  if (error instanceof NotFoundException) return { status: 404, message: 'Not found' };
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number } | undefined)?.statusCode;
  if (status === 413) return { status, message: (error as Error).message };
  // 415: a Content-Type that cannot even be read; the documents know only 400
  if (status === 415) return { status: 400, message: 'Content-Type must be application/json' };
  if (status && status >= 400 && status < 500) return { status, message: (error as Error).message };
  // the caller hung up in the middle of its body: nobody reads this
  if ((error as Error | undefined)?.message === 'aborted') return { status: 400, message: 'The request was aborted' };
  if (isUnavailable(error)) return { status: 503, message: 'The database is not available at present' };
  return { status: 500, message: 'Internal error' };
}
