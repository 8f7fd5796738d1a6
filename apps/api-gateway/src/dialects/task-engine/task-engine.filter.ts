import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { SubmitJob } from '@task-engine/engine';
import { Log, maskText } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { describeFault, RETRY_AFTER } from '../../http/fallback.filter';
import { STATUS, SUBMIT_FAULT, UNAUTHORISED } from './errors';

/** Writes every error of the dialect's routes in the words of the documents. */
@Injectable()
@Catch()
export class TaskEngineFilter implements ExceptionFilter {
  constructor(
    private readonly submitJob: SubmitJob,
    private readonly log: Log,
  ) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const route = `${request.method} ${request.routeOptions.url}`;
    const { status, message } = this.describe(error, route, reply);
    if (status === 401) return void reply.code(401).send(UNAUTHORISED);
    if (route === 'POST /job') return this.answerSubmission(reply, status, message, route);
    const { id } = request.params as { id?: string };
    void reply.code(status).send(isUpdate(route) ? { id, error: message } : { error: message });
  }

  private describe(error: unknown, route: string, reply: FastifyReply): { status: number; message: string } {
    const fault =
      error instanceof DomainError
        ? { status: STATUS[error.code] as number, message: error.message }
        : describeFault(error);
    if (fault.status === 500) this.log.error({ err: error, route }, 'request failed');
    if (fault.status === 503) {
      this.log.warn({ err: error, route }, 'the database does not serve: the caller is asked to come again');
      void reply.header('retry-after', RETRY_AFTER);
    }
    // health is documented with 500 for a store that cannot be read
    return route.endsWith(' /health') && fault.status === 503 ? { ...fault, status: 500 } : fault;
  }

  /** A refused submission is answered with an id of its own, under which the log tells why. */
  private async answerSubmission(reply: FastifyReply, status: number, message: string, route: string): Promise<void> {
    if (status < 500) {
      try {
        const id = await this.submitJob.reserveId();
        this.log.info({ jobId: id }, `submission refused: ${maskText(message)}`);
        return void reply.code(status).send({ id, error: message });
      } catch (error) {
        // no id to be had: a read-only PostgreSQL gives none
        status = this.describe(error, route, reply).status;
      }
    }
    void reply.code(status).type('text/plain; charset=utf-8').send(SUBMIT_FAULT);
  }
}

function isUpdate(route: string): boolean {
  return /^(PUT|PATCH) \/jobs?\/:id$/.test(route);
}
