import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { Log } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { describeFault, RETRY_AFTER } from '../../http/fallback.filter';
import { JSON_TYPE } from './addresses/front-door';
import { HTML, htmlPage, type PageStatus } from './addresses/html-page';
import { OperationRefused, PageRefused, STATUS_OF, TextRefused } from './errors';
import { jsonText } from './presenters/json-text';

/** Writes every error of the dialect's controllers in the shape that its clients know. */
@Injectable()
@Catch()
export class FastlaneFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof OperationRefused) {
      const body = Buffer.from(jsonText({ error: error.message, operation: error.operation }).trimEnd());
      return void reply.code(error.status).type(JSON_TYPE).send(body);
    }
    if (error instanceof PageRefused) return page(reply, error.status);
    if (error instanceof TextRefused) return text(reply, error.status, error.message);
    const fault =
      error instanceof DomainError
        ? { status: STATUS_OF[error.code] as number, message: error.message }
        : describeFault(error);
    if (fault.status < 500) return text(reply, fault.status, fault.message);
    const route = `${request.method} ${request.routeOptions.url}`;
    if (fault.status !== 503) {
      this.log.error({ err: error, route }, 'request failed');
      return page(reply, 500);
    }
    this.log.warn({ err: error, route }, 'the database does not serve: the caller is asked to come again');
    void reply.header('retry-after', RETRY_AFTER);
    page(reply, 503);
  }
}

function text(reply: FastifyReply, status: number, message: string): void {
  void reply.code(status).type(HTML).send(message);
}

function page(reply: FastifyReply, status: PageStatus): void {
  void reply.code(status).type(HTML).send(htmlPage(status));
}
