import { Controller, HttpCode, Param, Post, Req, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { PullTasks, ROLE } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { pathId } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { SameSite } from '../managers/same-site.guard';
import { Sessions } from '../managers/sessions';

/** What managers do with all tasks of a project. */
@Controller('project')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
@UseGuards(SameSite)
export class ResetsController {
  constructor(
    private readonly tasks: PullTasks,
    private readonly sessions: Sessions,
  ) {}

  @Post('reset_failed_tasks/:id')
  @HttpCode(200)
  resetFailed(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.change(request, id, (projectId) => this.tasks.resetFailed(projectId));
  }

  @Post('hard_reset/:id')
  @HttpCode(200)
  hardReset(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.change(request, id, (projectId) => this.tasks.hardReset(projectId));
  }

  @Post('reclaim_assigned_tasks/:id')
  @HttpCode(200)
  reclaimAssigned(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.change(request, id, (projectId) => this.tasks.reclaimAssigned(projectId));
  }

  private async change(request: FastifyRequest, id: string, verb: (projectId: bigint) => Promise<number>) {
    const projectId = pathId(id, 'Invalid project id');
    await this.sessions.require(request, projectId, ROLE.maintenance);
    return accepted({ affected_tasks: await verb(projectId) });
  }
}
