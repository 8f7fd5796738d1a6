import { Controller, Get, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import type { ClientRecord } from '@task-engine/database';
import type { JsonObject } from '@task-engine/domain';
import { CheckpointDto } from '@task-engine/dto';
import { type GraphLogLine, GraphTasks } from '@task-engine/engine';
import { CallerGuard } from '../auth/caller.guard';
import { type Caller, CurrentCaller, CurrentClient, ForRunningTasks } from '../auth/callers';
import { fieldsOf, JsonBody } from '../http/body';
import { taskIdOf } from '../http/path-ids';
import { choice, Query, type QueryValues, wholeNumber } from '../http/query';
import { notFound } from '../http/refusal';
import { TaskSchedulerFilter } from '../http/task-scheduler.filter';
import { notCancelled, notRetried, notStored } from './task-refusals';
import { presentCancelledTask, presentCheckpoint, presentLogLine, presentRetriedTask } from './task.presenter';

const LEVELS = ['info', 'error', 'warn', 'debug'] as const satisfies readonly GraphLogLine['level'][];

const DEFAULT_LINES = 100;
const MAX_LINES = 1_000;

/** How tasks run: cancel, run again, their logs and checkpoints. */
@Controller('api/tasks/:id')
@UseFilters(TaskSchedulerFilter)
@UseGuards(CallerGuard)
export class TaskRunsController {
  constructor(private readonly tasks: GraphTasks) {}

  @Post('cancel')
  @HttpCode(200)
  async cancel(@CurrentClient() client: ClientRecord, @Param('id') id: string) {
    const answer = await this.tasks.cancel(client, taskIdOf(id));
    if ('refused' in answer) throw notCancelled(answer);
    return { data: presentCancelledTask(answer.task) };
  }

  @Post('retry')
  @HttpCode(200)
  async retry(@CurrentClient() client: ClientRecord, @Param('id') id: string) {
    const answer = await this.tasks.retry(client, taskIdOf(id));
    if ('refused' in answer) throw notRetried(answer);
    return { data: presentRetriedTask(answer.task) };
  }

  @Get('logs')
  async log(@CurrentClient() client: ClientRecord, @Param('id') id: string, @Query() query: QueryValues) {
    const limit = wholeNumber(query, 'limit', { min: 1, max: MAX_LINES, standard: DEFAULT_LINES });
    const offset = wholeNumber(query, 'offset', { min: 0, standard: 0 });
    const log = await this.tasks.log(client, taskIdOf(id), { level: choice(query, 'level', LEVELS), limit, offset });
    if (!log) throw notFound('Task');
    return { data: log.lines.map(presentLogLine), meta: { limit, offset, total: log.total } };
  }

  @Post('checkpoint')
  @HttpCode(200)
  @ForRunningTasks()
  async checkpoint(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @JsonBody() body: Record<string, unknown>,
  ) {
    const { checkpoint_data: data } = fieldsOf(CheckpointDto, body);
    const answer = await this.tasks.checkpoint(caller, taskIdOf(id), data as JsonObject);
    if ('refused' in answer) throw notStored(answer, 'token' in caller);
    return { data: presentCheckpoint(answer.task) };
  }
}
