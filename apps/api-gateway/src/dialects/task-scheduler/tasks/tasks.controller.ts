import { Controller, Delete, Get, Param, Post, Put, Req, UseFilters, UseGuards } from '@nestjs/common';
import type { ClientRecord } from '@task-engine/database';
import type { JsonObject } from '@task-engine/domain';
import { CreateGraphTaskOnce, GRAPH_SORTS, GRAPH_STATUSES, GraphTasks } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { idempotencyKey } from '../../../http/idempotency-key';
import { CallerGuard } from '../auth/caller.guard';
import { CurrentClient } from '../auth/callers';
import { JsonBody } from '../http/body';
import { taskIdOf } from '../http/path-ids';
import { choice, pageMeta, pageOf, Query, type QueryValues } from '../http/query';
import { notFound, Refusal } from '../http/refusal';
import { TaskSchedulerFilter } from '../http/task-scheduler.filter';
import { notRemoved, notWritten } from './task-refusals';
import { newTask, taskChanges } from './task-request';
import { presentCreatedTask, presentTask, presentWaitingTask } from './task.presenter';

const ORDERS = ['asc', 'desc'] as const;

/** A client's tasks: list, look, make, change, delete. */
@Controller('api/tasks')
@UseFilters(TaskSchedulerFilter)
@UseGuards(CallerGuard)
export class TasksController {
  constructor(
    private readonly tasks: GraphTasks,
    private readonly createOnce: CreateGraphTaskOnce,
  ) {}

  @Get()
  async list(@CurrentClient() client: ClientRecord, @Query() query: QueryValues) {
    const page = pageOf(query);
    const { tasks, total } = await this.tasks.list(client, {
      status: choice(query, 'status', GRAPH_STATUSES),
      tag: query.get('tag'),
      sort: choice(query, 'sort', GRAPH_SORTS) ?? 'created_at',
      descending: choice(query, 'order', ORDERS) !== 'asc',
      offset: page.offset,
      limit: page.limit,
    });
    return { data: tasks.map(presentTask), meta: pageMeta(page, total) };
  }

  @Post()
  async create(
    @CurrentClient() client: ClientRecord,
    @JsonBody() body: Record<string, unknown>,
    @Req() request: FastifyRequest,
  ) {
    const key = keyOf(request);
    const task = newTask(body);
    const answer = await (key === undefined
      ? this.tasks.create(client, task)
      : this.createOnce.run(client, task, { key, request: body as JsonObject }));
    if ('refused' in answer) throw notWritten(answer);
    return { data: presentCreatedTask(answer.task) };
  }

  @Get(':id')
  async find(@CurrentClient() client: ClientRecord, @Param('id') id: string) {
    const task = await this.tasks.find(client, taskIdOf(id));
    if (!task) throw notFound('Task');
    const wait = task.status === 'pending' ? await this.tasks.wait(client, task.id) : undefined;
    return { data: presentWaitingTask(task, wait) };
  }

  @Put(':id')
  async update(
    @CurrentClient() client: ClientRecord,
    @Param('id') id: string,
    @JsonBody() body: Record<string, unknown>,
  ) {
    const answer = await this.tasks.update(client, taskIdOf(id), taskChanges(body));
    if ('refused' in answer) throw notWritten(answer);
    return { data: presentTask(answer.task) };
  }

  @Delete(':id')
  async remove(@CurrentClient() client: ClientRecord, @Param('id') id: string) {
    const answer = await this.tasks.remove(client, taskIdOf(id));
    if ('refused' in answer) throw notRemoved(answer);
    return { data: { success: true, message: 'Task deleted successfully' } };
  }
}

/** @throws Refusal */
function keyOf(request: FastifyRequest): string | undefined {
  try {
    return idempotencyKey(request);
  } catch (error) {
    throw new Refusal('bad_request', (error as Error).message);
  }
}
