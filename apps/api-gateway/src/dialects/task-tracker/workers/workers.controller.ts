import { Controller, Get, HttpCode, Param, Post, Req, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { PullWorkers } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, type Answer, declined, Empty, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf, readInt64 } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, flag, int64, ParseFault, text } from '../json/decode';
import { SameSite } from '../managers/same-site.guard';
import { Sessions } from '../managers/sessions';
import { WorkerCallers } from './worker-callers';
import { presentWorker, presentWorkerStatistics } from './worker.presenter';

const NAMED = { alias: text() };
const PAUSE = { worker: int64(), paused: flag() };

/** Longer ones cannot be read: every answer about workers holds them. */
const ALIAS_BYTES = 1_000;
const DEFAULT_ALIAS = 'default_alias';
/** Statistics show tasks that nobody has under this name. */
const RESERVED_ALIAS = 'unassigned';

/** Workers: how they come to be, and what managers see of them. */
@Controller('worker')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class WorkersController {
  constructor(
    private readonly workers: PullWorkers,
    private readonly callers: WorkerCallers,
    private readonly sessions: Sessions,
  ) {}

  @Post('create')
  @HttpCode(200)
  async create(@Req() request: FastifyRequest): Promise<Answer | Empty> {
    const alias = aliasOf(request);
    // clients know it so
    if (alias === undefined) return new Empty(200);
    if (Buffer.byteLength(alias) > ALIAS_BYTES) throw new ParseFault('alias');
    if (alias === RESERVED_ALIAS) throw new Refusal(403, 'You are now allowed to create a worker');
    const worker = await this.workers.create(alias || DEFAULT_ALIAS);
    return accepted({ worker: presentWorker(worker, { secret: true }) });
  }

  @Get('get/:id')
  async find(@Req() request: FastifyRequest, @Param('id') id: string) {
    const workerId = readInt64(id);
    if (typeof workerId === 'string')
      throw new Refusal(400, `strconv.ParseInt: parsing ${JSON.stringify(id)}: ${workerId}`);
    if (workerId <= 0n) throw new Refusal(400, 'Invalid worker id');
    const worker = await this.workers.find(workerId);
    if (!worker) throw new Refusal(404, 'Worker not found');
    const manager = await this.sessions.managerOf(request);
    return accepted({ worker: presentWorker(worker, { secret: manager?.admin ?? false }) });
  }

  @Post('update')
  @HttpCode(200)
  async update(@Req() request: FastifyRequest) {
    const worker = await this.callers.require(request, 401);
    const { alias } = decode(bodyOf(request), NAMED);
    if (Buffer.byteLength(alias) > ALIAS_BYTES) throw new ParseFault('alias');
    return (await this.workers.rename(worker.id, alias)) ? accepted() : declined('Could not update worker');
  }

  @Post('set_paused')
  @HttpCode(200)
  @UseGuards(SameSite)
  async setPaused(@Req() request: FastifyRequest) {
    const manager = await this.sessions.managerOf(request);
    if (!manager?.admin) throw new Refusal(403, 'Unauthorized');
    const { worker, paused } = decode(bodyOf(request), PAUSE);
    if (!(await this.workers.setPaused(worker, paused))) throw new Refusal(400, 'Invalid worker');
    return accepted();
  }

  @Get('stats')
  async statistics() {
    return accepted({ stats: (await this.workers.all()).map(presentWorkerStatistics) });
  }
}

/** Undefined when the body cannot be read. */
function aliasOf(request: FastifyRequest): string | undefined {
  try {
    return decode(bodyOf(request), NAMED).alias;
  } catch (error) {
    if (error instanceof ParseFault) return undefined;
    throw error;
  }
}
