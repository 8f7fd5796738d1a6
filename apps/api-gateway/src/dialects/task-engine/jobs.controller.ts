import { Controller, Get, UseFilters, UseGuards } from '@nestjs/common';
import { readFlag } from '@task-engine/dto';
import { DomainError } from '@task-engine/domain';
import { ReadJobs } from '@task-engine/engine';
import { ReaderGuard } from './client.guard';
import { jobFilter } from './job-filter';
import { presentJob, presentRow } from './presenters/job.presenter';
import { presentLogRow } from './presenters/log.presenter';
import { JobId, Query } from './request-parts';
import { TaskEngineFilter } from './task-engine.filter';
import { CurrentTenant, type Tenant } from './tenant';
import { LANE } from './vocabulary';

/** Jobs and their logs, for readers. */
@Controller()
@UseFilters(TaskEngineFilter)
@UseGuards(ReaderGuard)
export class JobsController {
  constructor(private readonly readJobs: ReadJobs) {}

  @Get('jobs')
  async list(@CurrentTenant() tenant: Tenant | undefined, @Query() query: Record<string, string>) {
    const filter = jobFilter(query);
    if (tenant && filter.client !== undefined && filter.client !== tenant.name) return [];
    const jobs = await this.readJobs.list(LANE, { ...filter, client: tenant?.name ?? filter.client });
    return jobs.map(presentRow);
  }

  @Get('jobs/:id')
  async find(@CurrentTenant() tenant: Tenant | undefined, @JobId() id: string) {
    return presentJob(await this.readJobs.find(LANE, id, tenant?.name));
  }

  @Get('logs/:id')
  async log(@CurrentTenant() tenant: Tenant | undefined, @JobId() id: string, @Query() query: Record<string, string>) {
    const all = query.show_all === undefined ? false : readFlag(query.show_all);
    if (all === undefined) throw new DomainError('invalid_parameter', 'Invalid parameter: show_all must be 1 or 0');
    const rows = await this.readJobs.log(LANE, id, { all, client: tenant?.name });
    return rows.map(presentLogRow);
  }
}
