import { Injectable } from '@nestjs/common';
import { type PullWorker, PullWorkers } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '../http/answer';
import { workerHeaders } from '../http/request';

/** Workers by the headers of their requests. */
@Injectable()
export class WorkerCallers {
  constructor(private readonly workers: PullWorkers) {}

  /** @throws Refusal that says what is wrong; each route has its own status for it */
  async require(request: FastifyRequest, status: 400 | 401 | 403): Promise<PullWorker> {
    const worker = await this.of(request);
    if ('fault' in worker) throw new Refusal(status, worker.fault);
    return worker;
  }

  /** Who calls, or why nobody does. */
  async of(request: FastifyRequest): Promise<PullWorker | { fault: string }> {
    const given = workerHeaders(request);
    if ('fault' in given) return given;
    const worker = await this.workers.authenticate(given.id, given.secret);
    if (worker === 'unknown') return { fault: 'worker id does not match any valid worker' };
    return worker === 'wrong_secret' ? { fault: 'invalid secret' } : worker;
  }
}
