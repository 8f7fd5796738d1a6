import { Controller, Get, HttpCode, Param, Post, Req, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { ProjectAccess, Projects, ROLE } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf, pathId } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, text } from '../json/decode';
import { SameSite } from '../managers/same-site.guard';
import { Sessions } from '../managers/sessions';
import { WorkerCallers } from '../workers/worker-callers';

const SECRET = { secret: text() };
const WEBHOOK_SECRET = { webhook_secret: text() };

/** What only those may know who work for a project, and what pushes to its repository are signed with. */
@Controller('project')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class SecretsController {
  constructor(
    private readonly projects: Projects,
    private readonly access: ProjectAccess,
    private readonly callers: WorkerCallers,
    private readonly sessions: Sessions,
  ) {}

  /** Who is a worker is asked for as one, whatever cookie he has besides. */
  @Get('secret/:id')
  async secret(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid project id');
    const worker = await this.callers.of(request);
    if ('fault' in worker) await this.sessions.require(request, projectId, ROLE.secret);
    else if (!(await this.access.mayReadSecret(worker.id, projectId))) throw new Refusal(403, 'Unauthorized');
    return accepted({ secret: (await this.projects.secret(projectId)) ?? '' });
  }

  @Post('secret/:id')
  @HttpCode(200)
  @UseGuards(SameSite)
  async setSecret(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid project id');
    await this.sessions.require(request, projectId, ROLE.secret);
    const { secret } = decode(bodyOf(request), SECRET);
    if (!(await this.projects.setSecret(projectId, secret))) throw new Refusal(404, 'Project not found');
    return accepted();
  }

  @Get('webhook_secret/:id')
  async webhookSecret(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid project id');
    await this.sessions.require(request, projectId, ROLE.secret);
    return accepted({ webhook_secret: (await this.projects.webhookSecret(projectId)) ?? '' });
  }

  /** Here a body that cannot be read is told first. */
  @Post('webhook_secret/:id')
  @HttpCode(200)
  @UseGuards(SameSite)
  async setWebhookSecret(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid project id');
    const { webhook_secret: secret } = decode(bodyOf(request), WEBHOOK_SECRET);
    await this.sessions.require(request, projectId, ROLE.secret);
    if (!(await this.projects.setWebhookSecret(projectId, secret))) throw new Refusal(404, 'Project not found');
    return accepted();
  }
}
