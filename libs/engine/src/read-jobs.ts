import { Injectable } from '@nestjs/common';
import { Database, type JobFilter, type JobLogRow, type JobView, type OpenJobs } from '@task-engine/database';
import { DomainError } from '@task-engine/domain';
import { Lanes } from './lanes';

/** Jobs in each list of the dashboard at most: some hundred bytes each, so an answer stays below 10 MB. */
const OPEN_JOBS = 10_000;

export interface Dashboard extends OpenJobs {
  maxRunning: number;
  reservedSlots: number;
}

/** What readers may see of the jobs of one lane. */
@Injectable()
export class ReadJobs {
  constructor(
    private readonly database: Database,
    private readonly lanes: Lanes,
  ) {}

  async list(lane: string, filter: Omit<JobFilter, 'laneId'>): Promise<JobView[]> {
    if (filter.states?.length === 0 || filter.ids?.length === 0) return [];
    return this.database.stores.jobQueries.list({ ...filter, laneId: await this.lanes.id(lane) });
  }

  /**
   * @param client when given, only this client's job is found
   * @throws DomainError not_found
   */
  async find(lane: string, id: string, client?: string): Promise<JobView> {
    const job = await this.database.stores.jobQueries.find(await this.lanes.id(lane), id);
    if (!job || (client !== undefined && job.client !== client))
      throw new DomainError('not_found', `Unknown job: ${id}`);
    return job;
  }

  /**
   * The job's log, oldest row first; hidden rows too with `all`.
   * @throws DomainError not_found
   */
  async log(lane: string, id: string, options: { all: boolean; client?: string }): Promise<JobLogRow[]> {
    await this.find(lane, id, options.client);
    return this.database.stores.jobQueries.log(id, options.all);
  }

  /** Jobs that run or wait, of one client or of all. */
  async dashboard(lane: string, client?: string): Promise<Dashboard> {
    const record = await this.database.stores.lanes.findByName(lane);
    if (!record) throw new Error(`no lane '${lane}'`);
    const open = await this.database.stores.jobQueries.open(record.id, client, OPEN_JOBS);
    return { ...open, maxRunning: record.maxRunning, reservedSlots: record.reservedSlots };
  }
}
