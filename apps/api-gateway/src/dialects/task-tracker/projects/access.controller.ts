import { Controller, Get, HttpCode, Param, Post, Req, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { ProjectAccess, ROLE } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, declined, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf, pathId } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, flag, int64 } from '../json/decode';
import { SameSite } from '../managers/same-site.guard';
import { Sessions } from '../managers/sessions';
import { WorkerCallers } from '../workers/worker-callers';
import { presentAccess } from './project.presenter';

const WANTED = { project: int64(), assign: flag(), submit: flag() };

const HAS_ACCESS = 'Project is public, you already have an active request or you already have access to this project';
const NO_ACCESS = 'Worker did not have access to this project';

/** Workers ask for access to projects, managers grant it. */
@Controller('project')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class AccessController {
  constructor(
    private readonly access: ProjectAccess,
    private readonly callers: WorkerCallers,
    private readonly sessions: Sessions,
  ) {}

  /** What is wrong with the request is told before what is wrong with the worker. */
  @Post('request_access')
  @HttpCode(200)
  async request(@Req() request: FastifyRequest) {
    const { project, ...wanted } = decode(bodyOf(request), WANTED);
    if (!wanted.assign && !wanted.submit) throw new Refusal(400, 'Invalid request');
    const worker = await this.callers.require(request, 401);
    if (!(await this.access.request(worker.id, project, wanted))) throw new Refusal(400, HAS_ACCESS);
    return accepted();
  }

  @Get('access_list/:id')
  async list(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid worker id');
    await this.sessions.require(request, projectId, ROLE.manageAccess);
    return accepted({ accesses: (await this.access.list(projectId)).map(presentAccess) });
  }

  @Post('accept_request/:id/:wid')
  @HttpCode(200)
  @UseGuards(SameSite)
  async accept(@Req() request: FastifyRequest, @Param('id') id: string, @Param('wid') wid: string) {
    const projectId = pathId(id, 'Invalid worker id');
    const workerId = pathId(wid, 'Invalid worker id');
    await this.sessions.require(request, projectId, ROLE.manageAccess);
    return (await this.access.accept(projectId, workerId)) ? accepted() : declined(NO_ACCESS);
  }

  /** Also takes access away that was granted. */
  @Post('reject_request/:id/:wid')
  @HttpCode(200)
  @UseGuards(SameSite)
  async reject(@Req() request: FastifyRequest, @Param('id') id: string, @Param('wid') wid: string) {
    const projectId = pathId(id, 'Invalid project id');
    const workerId = pathId(wid, 'Invalid worker id');
    await this.sessions.require(request, projectId, ROLE.manageAccess);
    return (await this.access.reject(projectId, workerId)) ? accepted() : declined(NO_ACCESS);
  }
}
