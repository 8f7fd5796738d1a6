import { Controller, Get, Param, UseFilters, UseGuards } from '@nestjs/common';
import type { ClientRecord } from '@task-engine/database';
import { type EngineWorker, EngineWorkers, GRAPH_STATUSES } from '@task-engine/engine';
import { CallerGuard } from '../auth/caller.guard';
import { CurrentClient } from '../auth/callers';
import { workerIdOf } from '../http/path-ids';
import { choice, pageMeta, pageOf, Query, type QueryValues } from '../http/query';
import { notFound } from '../http/refusal';
import { TaskSchedulerFilter } from '../http/task-scheduler.filter';
import { presentTaskOfWorker } from '../tasks/task.presenter';
import { presentWorker, presentWorkerDetails } from './worker.presenter';

const STATUSES = ['active', 'idle', 'offline'] as const satisfies readonly EngineWorker['status'][];

/** The workers of the installation, which run the tasks of all clients; of these each client sees its own. */
@Controller('api/workers')
@UseFilters(TaskSchedulerFilter)
@UseGuards(CallerGuard)
export class WorkersController {
  constructor(private readonly workers: EngineWorkers) {}

  @Get()
  async list(@Query() query: QueryValues) {
    const page = pageOf(query);
    const { offset, limit } = page;
    const { workers, total } = await this.workers.list({ status: choice(query, 'status', STATUSES), offset, limit });
    return { data: workers.map(presentWorker), meta: pageMeta(page, total) };
  }

  @Get(':id')
  async find(@CurrentClient() client: ClientRecord, @Param('id') id: string) {
    const worker = await this.workers.find(client, workerIdOf(id));
    if (!worker) throw notFound('Worker');
    return { data: presentWorkerDetails(worker) };
  }

  @Get(':id/tasks')
  async tasks(@CurrentClient() client: ClientRecord, @Param('id') id: string, @Query() query: QueryValues) {
    const page = pageOf(query);
    const { offset, limit } = page;
    const status = choice(query, 'status', GRAPH_STATUSES);
    const found = await this.workers.tasks(client, workerIdOf(id), { status, offset, limit });
    if (!found) throw notFound('Worker');
    return { data: found.tasks.map(presentTaskOfWorker), meta: pageMeta(page, found.total) };
  }
}
