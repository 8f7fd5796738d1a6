import { Controller, Get, HttpCode, Param, Post, Req, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { Managers, ROLE } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, Empty, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf, pathId } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, int64 } from '../json/decode';
import { presentManager, presentManagerRole } from './manager.presenter';
import { SameSite } from './same-site.guard';
import { Sessions } from './sessions';

const NEW_ROLE = { manager: int64(), role: int64() };

/** Who looks after projects, and with which roles. */
@Controller('manager')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class ManagersController {
  constructor(
    private readonly managers: Managers,
    private readonly sessions: Sessions,
  ) {}

  @Get('list')
  async list(@Req() request: FastifyRequest) {
    if (!(await this.sessions.managerOf(request))) throw new Refusal(401, 'Unauthorized');
    return accepted({ managers: (await this.managers.all()).map(presentManager) });
  }

  @Get('list_for_project/:id')
  async listForProject(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid project id');
    if (!(await this.sessions.managerOf(request))) throw new Refusal(401, 'Unauthorized');
    return accepted({ managers: (await this.managers.ofProject(projectId)).map(presentManagerRole) });
  }

  @Get('promote/:id')
  @UseGuards(SameSite)
  promote(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.setAdmin(request, id, true);
  }

  @Get('demote/:id')
  @UseGuards(SameSite)
  demote(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.setAdmin(request, id, false);
  }

  @Post('set_role_for_project/:id')
  @HttpCode(200)
  @UseGuards(SameSite)
  async setRole(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid project id');
    const { manager, role } = decode(bodyOf(request), NEW_ROLE);
    await this.sessions.require(request, projectId, ROLE.manageAccess);
    if (!(await this.managers.setRole(manager, projectId, role)))
      throw new Refusal(400, 'Invalid manager, project or role');
    return accepted();
  }

  /** Who is not allowed to is told so with 401 by one of the two, with 403 by the other. */
  private async setAdmin(request: FastifyRequest, id: string, admin: boolean): Promise<Empty> {
    const managerId = pathId(id, 'Invalid manager id');
    const caller = await this.sessions.managerOf(request);
    if (!caller) throw new Refusal(401, 'Unauthorized');
    if (!caller.admin || BigInt(caller.id) === managerId) throw new Refusal(admin ? 401 : 403, 'Unauthorized');
    await this.managers.setAdmin(managerId, admin);
    return new Empty(204);
  }
}
