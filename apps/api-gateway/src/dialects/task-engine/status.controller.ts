import { Controller, Get, Headers, UseFilters, UseGuards } from '@nestjs/common';
import { ReadHealth, ReadJobs } from '@task-engine/engine';
import { suiteVersion } from '@task-engine/platform';
import { Definitions } from '@task-engine/workflows';
import { ClientGuard, ReaderGuard } from './client.guard';
import { presentHealth } from './presenters/health.presenter';
import { presentDashboard } from './presenters/job.presenter';
import { Query } from './request-parts';
import { TaskEngineFilter } from './task-engine.filter';
import { CurrentTenant, type Tenant } from './tenant';
import { LANE } from './vocabulary';

const VERSION = suiteVersion();

@Controller()
@UseFilters(TaskEngineFilter)
export class StatusController {
  constructor(
    private readonly readHealth: ReadHealth,
    private readonly readJobs: ReadJobs,
    private readonly definitions: Definitions,
  ) {}

  @Get()
  alive() {
    return { result: 'alive' };
  }

  @Get('health')
  @UseGuards(ClientGuard)
  async health() {
    return presentHealth(await this.readHealth.run(LANE), VERSION, this.definitions.problems());
  }

  /** The client whose jobs are shown comes from the header or, in later editions, from the query. */
  @Get('dashboard')
  @UseGuards(ReaderGuard)
  async dashboard(
    @CurrentTenant() tenant: Tenant | undefined,
    @Headers('client') header: string | undefined,
    @Query() query: Record<string, string>,
  ) {
    const client = tenant?.name ?? (header || query.client);
    return presentDashboard(await this.readJobs.dashboard(LANE, client), VERSION);
  }
}
