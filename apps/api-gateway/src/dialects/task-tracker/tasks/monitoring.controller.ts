import { Controller, Get, Param, Query, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { ProjectMonitor, Projects, ROLE } from '@task-engine/engine';
import type { FastifyRequest } from 'fastify';
import { accepted, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { pathId, readInt64 } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { Sessions } from '../managers/sessions';
import { presentAssignee, presentSnapshot } from './monitoring.presenter';

const MAX_SNAPSHOTS = 999n;
const LAST_SECOND = 2_147_483_646n;

/** How projects do. For everybody, but for hidden ones. */
@Controller('project')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class MonitoringController {
  constructor(
    private readonly monitor: ProjectMonitor,
    private readonly projects: Projects,
    private readonly sessions: Sessions,
  ) {}

  @Get('monitoring/:id')
  async newest(@Req() request: FastifyRequest, @Param('id') id: string, @Query('count') count: unknown) {
    const projectId = pathId(id, 'Invalid request');
    const number = numberUpTo(count, MAX_SNAPSHOTS);
    await this.assertVisible(request, projectId);
    return accepted({ snapshots: (await this.monitor.snapshots(projectId, number)).map(presentSnapshot) });
  }

  @Get('monitoring-between/:id')
  async between(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query('from') from: unknown,
    @Query('to') to: unknown,
  ) {
    const projectId = pathId(id, 'Invalid request');
    const [first, last] = [from, to].map((second) => new Date(numberUpTo(second, LAST_SECOND) * 1_000));
    await this.assertVisible(request, projectId);
    return accepted({ snapshots: (await this.monitor.between(projectId, first!, last!)).map(presentSnapshot) });
  }

  @Get('assignees/:id')
  async assignees(@Req() request: FastifyRequest, @Param('id') id: string) {
    const projectId = pathId(id, 'Invalid worker id');
    await this.assertVisible(request, projectId);
    return accepted({ assignees: (await this.monitor.assignees(projectId)).map(presentAssignee) });
  }

  private async assertVisible(request: FastifyRequest, projectId: bigint): Promise<void> {
    const project = await this.projects.find(projectId);
    if (project?.hidden) await this.sessions.require(request, projectId, ROLE.read);
  }
}

/**
 * A number of the query, from 1; of several the first counts.
 * @throws Refusal
 */
function numberUpTo(value: unknown, max: bigint): number {
  const number = readInt64(String((Array.isArray(value) ? value[0] : value) ?? ''));
  if (typeof number === 'string' || number < 1n || number > max) throw new Refusal(400, 'Invalid request');
  return Number(number);
}
