import { Controller, Get, UseFilters, UseGuards } from '@nestjs/common';
import { readFlag } from '@task-engine/dto';
import { DomainError } from '@task-engine/domain';
import type { JobView } from '@task-engine/database';
import { ExplainWait, ReadJobs } from '@task-engine/engine';
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
  constructor(
    private readonly readJobs: ReadJobs,
    private readonly explainWait: ExplainWait,
  ) {}

  @Get('jobs')
  async list(@CurrentTenant() tenant: Tenant | undefined, @Query() query: Record<string, string>) {
    const filter = jobFilter(query);
    if (tenant && filter.client !== undefined && filter.client !== tenant.name) return [];
    const jobs = await this.readJobs.list(LANE, { ...filter, client: tenant?.name ?? filter.client });
    return jobs.map(presentRow);
  }

  /** `explain=1` adds why a job waits: ours, the documents' keys stay exact without it. */
  @Get('jobs/:id')
  async find(@CurrentTenant() tenant: Tenant | undefined, @JobId() id: string, @Query() query: Record<string, string>) {
    const explain = flagOf(query, 'explain');
    const job = await this.readJobs.find(LANE, id, tenant?.name);
    return { ...presentJob(job), ...(explain && { wait_reason: await this.waitReason(job) }) };
  }

  private async waitReason(job: JobView) {
    return job.state === 'queued' ? ((await this.explainWait.run(LANE, [job.id])).get(job.id) ?? null) : job.waitReason;
  }

  @Get('logs/:id')
  async log(@CurrentTenant() tenant: Tenant | undefined, @JobId() id: string, @Query() query: Record<string, string>) {
    const all = flagOf(query, 'show_all');
    const rows = await this.readJobs.log(LANE, id, { all, client: tenant?.name });
    return rows.map(presentLogRow);
  }
}

function flagOf(query: Record<string, string>, name: string): boolean {
  const value = query[name] === undefined ? false : readFlag(query[name]);
  if (value === undefined) throw new DomainError('invalid_parameter', `Invalid parameter: ${name} must be 1 or 0`);
  return value;
}
