import { Controller, Get, HttpCode, Param, Post, Req, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { type Manager, Managers, Projects, ROLE } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf, pathId } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { type Decoded, decode, flag } from '../json/decode';
import { SameSite } from '../managers/same-site.guard';
import { Sessions } from '../managers/sessions';
import { isValid, PROJECT, projectFields } from './project-request';
import { presentProject } from './project.presenter';

const UPDATE = { ...PROJECT, paused: flag() };

const NOT_PERMITTED = 'You are not permitted to create a project with this configuration';
const NO_ROLE_ON_CHAIN = 'Unauthorized (You need RoleEdit on the project you wish to chain tasks to)';
const NAME_TAKEN = 'pq: duplicate key value violates unique constraint "project_name_key"';
const NO_CHAIN_TARGET = 'pq: insert or update on table "project" violates foreign key constraint "project_chain_fkey"';

/** Projects: made, changed, shown. */
@Controller('project')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class ProjectsController {
  constructor(
    private readonly projects: Projects,
    private readonly managers: Managers,
    private readonly sessions: Sessions,
  ) {}

  @Get('list')
  async list(@Req() request: FastifyRequest) {
    const projects = await this.projects.list(await this.sessions.managerOf(request));
    return accepted({ projects: projects.map(presentProject) });
  }

  @Get('get/:id')
  async find(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid worker id');
    const project = await this.projects.find(projectId);
    if (!project) throw new Refusal(404, 'Project not found');
    if (project.hidden) await this.sessions.require(request, projectId, ROLE.read);
    return accepted({ project: presentProject(project) });
  }

  @Post('create')
  @HttpCode(200)
  @UseGuards(SameSite)
  async create(@Req() request: FastifyRequest) {
    const project = decode(bodyOf(request), PROJECT);
    if (!isValid(project)) throw new Refusal(400, 'Invalid project');
    const manager = await this.sessions.managerOf(request);
    if (!manager || !(await this.mayCreate(manager, project))) throw new Refusal(400, NOT_PERMITTED);
    const created = await this.projects.create(projectFields(project), manager);
    if (created === 'name_taken') throw new Refusal(400, NAME_TAKEN);
    if (created === 'no_chain_target') throw new Refusal(400, NOT_PERMITTED);
    return accepted({ id: created.id });
  }

  @Post('update/:id')
  @HttpCode(200)
  @UseGuards(SameSite)
  async update(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid project id');
    const { paused, ...project } = decode(bodyOf(request), UPDATE);
    if (!isValid(project) || project.chain === projectId) throw new Refusal(400, 'Invalid request');
    const manager = await this.sessions.require(request, projectId, ROLE.edit);
    if (project.chain !== 0n && !(await this.managers.allows(manager, project.chain, ROLE.edit)))
      throw new Refusal(403, NO_ROLE_ON_CHAIN);
    switch (await this.projects.update(projectId, { ...projectFields(project), paused })) {
      case 'ok':
        return accepted();
      case 'unknown':
        throw new Refusal(404, 'Project not found');
      case 'name_taken':
        throw new Refusal(400, NAME_TAKEN);
      case 'no_chain_target':
        throw new Refusal(400, NO_CHAIN_TARGET);
      case 'chains_to_itself':
        throw new Refusal(400, 'Invalid request');
    }
  }

  private async mayCreate(manager: Manager, project: Decoded<typeof PROJECT>): Promise<boolean> {
    if (project.public && !manager.admin) return false;
    return project.chain === 0n || this.managers.allows(manager, project.chain, ROLE.edit);
  }
}
