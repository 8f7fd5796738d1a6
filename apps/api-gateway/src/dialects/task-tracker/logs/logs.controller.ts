import { Controller, HttpCode, Post, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { WorkerLogs } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, Empty, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, int64, ParseFault, text } from '../json/decode';
import { WorkerCallers } from '../workers/worker-callers';
import { presentLogLine } from './log.presenter';

const LINE = { scope: text(), message: text(), timestamp: int64() };
const WANTED = { since: int64(), level: int64() };

/** As they are stored and asked for. */
const LEVEL = { error: 3, warn: 4, info: 5, trace: 7 } as const;

/** What workers write, and who reads it. */
@Controller()
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class LogsController {
  constructor(
    private readonly logs: WorkerLogs,
    private readonly callers: WorkerCallers,
  ) {}

  @Post('log/trace')
  trace(@Req() request: FastifyRequest) {
    return this.write(request, LEVEL.trace);
  }

  @Post('log/info')
  info(@Req() request: FastifyRequest) {
    return this.write(request, LEVEL.info);
  }

  @Post('log/warn')
  warn(@Req() request: FastifyRequest) {
    return this.write(request, LEVEL.warn);
  }

  @Post('log/error')
  error(@Req() request: FastifyRequest) {
    return this.write(request, LEVEL.error);
  }

  @Post('logs')
  @HttpCode(200)
  async since(@Req() request: FastifyRequest) {
    const { since, level } = decode(bodyOf(request), WANTED);
    if (since <= 0n) throw new Refusal(400, 'Invalid log request');
    const lines = await this.logs.since(since, level);
    return accepted({ logs: lines.length > 0 ? lines.map(presentLogLine) : null });
  }

  /** Whatever is wrong, an unknown worker included, is told as a body that cannot be read. */
  private async write(request: FastifyRequest, level: number): Promise<Empty> {
    const worker = await this.callers.of(request);
    const { scope, message, timestamp } = decode(bodyOf(request), LINE);
    if ('fault' in worker || scope === '' || message === '' || timestamp <= 0n) throw new ParseFault('no log line');
    await this.logs.write({ workerId: worker.id, level, scope, message, loggedAt: timestamp });
    return new Empty(204);
  }
}
