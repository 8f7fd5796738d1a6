import { Controller, Get, UseFilters, UseGuards } from '@nestjs/common';
import { METRIC_PERIODS, SystemReport } from '@task-engine/engine';
import { suiteVersion } from '@task-engine/platform';
import { CallerGuard } from '../auth/caller.guard';
import { choice, Query, type QueryValues } from '../http/query';
import { invalidQuery } from '../http/refusal';
import { TaskSchedulerFilter } from '../http/task-scheduler.filter';
import { type Metric, METRIC_NAMES, presentMetrics, presentStatus } from './system.presenter';

const VERSION = suiteVersion();

/** How the installation does. */
@Controller('api/system')
@UseFilters(TaskSchedulerFilter)
@UseGuards(CallerGuard)
export class SystemController {
  constructor(private readonly report: SystemReport) {}

  @Get('status')
  async status() {
    const status = await this.report.status();
    return { data: presentStatus(status, { version: VERSION, uptime: process.uptime() }) };
  }

  @Get('metrics')
  async metrics(@Query() query: QueryValues) {
    const period = choice(query, 'period', METRIC_PERIODS) ?? 'hour';
    const asked = metricsOf(query);
    return presentMetrics(await this.report.metrics(period), period, asked);
  }
}

/** All of them when none is named. @throws Refusal */
function metricsOf(query: QueryValues): ReadonlySet<Metric> {
  const names = (query.get('metrics') ?? '').split(',').map((name) => name.trim());
  const asked = names.filter((name) => name !== '');
  const known = METRIC_NAMES.filter((name) => asked.includes(name));
  if (known.length < new Set(asked).size)
    throw invalidQuery('metrics', `must be a list of ${METRIC_NAMES.join(', ')}, separated by commas`);
  return new Set(known.length > 0 ? known : METRIC_NAMES);
}
