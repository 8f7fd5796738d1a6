import { DomainError, type JobState, type JsonObject, type WaitReason } from '@task-engine/domain';
import type { Sql } from '../sql';
import { type JobFilter, jobList, type Searched } from './job-list';
import { markName } from './totals.store';

/** A job as lists show it; dates in milliseconds' precision as JavaScript has them. */
export interface JobSummary {
  id: string;
  client: string;
  workflow: string;
  priority: number;
  position: number;
  topOfQueue: boolean;
  state: JobState;
  waitReason: WaitReason | null;
  runAt: Date;
  createdAt: Date;
  updatedAt: Date;
}

/** A summary with the parameters exactly as submitted. */
export interface JobView extends JobSummary {
  submitted: JsonObject;
}

export interface JobLogRow {
  id: string;
  jobId: string;
  taskId: string;
  severity: number;
  progname: string;
  message: string;
  visible: boolean;
  createdAt: Date;
  updatedAt: Date;
}

/** Started, queued and scheduled jobs of one moment, each list in its own order. */
export interface OpenJobs {
  started: JobSummary[];
  queued: JobSummary[];
  scheduled: JobSummary[];
}

const SUMMARY = `j.id, c.name AS client, j.workflow, j.priority, j.position, j.top_of_queue AS "topOfQueue", j.state,
  j.wait_reason AS "waitReason", j.run_at AS "runAt", j.created_at AS "createdAt", j.updated_at AS "updatedAt"`;

const FROM = `FROM job j JOIN client c ON c.id = j.client_id`;

/** Search texts that are read one by one before their trigrams are asked, about 6 ms: of a text that one job in 300 has, it misses one in a thousand. */
const SEARCH_SAMPLE = 2_048;
/** Texts that are read one by one at most: about 0.1 s. */
const SEARCH_WALK = 32_768;
/** What has trigrams of its own in the index. */
const WORD = /[\p{L}\p{N}]{3}/u;

/** Order in which each list of the dashboard stands; that of `queued` is the order of dispatch. */
const OPEN_ORDER = {
  started: 'j.id',
  queued: 'j.top_of_queue DESC, j.priority, j.position, j.created_at, j.id',
  scheduled: 'j.run_at, j.id',
} as const satisfies Partial<Record<JobState, string>>;

/** Jobs as readers ask for them. Reads only: nothing here locks. */
export class JobQueryStore {
  constructor(private readonly sql: Sql) {}

  async find(laneId: number, id: string): Promise<JobView | undefined> {
    const rows = await this.sql.query<JobView>(
      `SELECT ${SUMMARY}, j.submitted ${FROM} WHERE j.id = $1 AND j.lane_id = $2`,
      [id, laneId],
    );
    return rows[0];
  }

  /** The jobs that match, with their parameters. @throws DomainError invalid_parameter: a short `search` that would look through too many */
  async list(filter: JobFilter): Promise<JobView[]> {
    if (!filter.search) return this.page(filter);
    const through = await this.searchedThrough();
    if (filter.orderBy === 'id' && !filter.ascending) {
      const newest = await this.searchNewest(filter, through);
      if (newest) return newest;
    }
    if (!WORD.test(filter.search) && Number(through) > SEARCH_WALK) return this.searchWithoutIndex(filter, through);
    return this.page(filter, { through });
  }

  /**
   * A text that many jobs have is found among the newest: its trigrams would lead to all of them, to be sorted for the few that are wanted.
   * How many of the first sample have it tells how far to look. Undefined when that is too far.
   */
  private async searchNewest(filter: JobFilter, through: string): Promise<JobView[] | undefined> {
    for (let newest = SEARCH_SAMPLE; newest <= SEARCH_WALK;) {
      const jobs = await this.page(filter, { through, newest });
      if (jobs.length >= filter.limit) return jobs;
      if (jobs.length === 0) return undefined;
      newest = Math.ceil(2 * newest * (filter.limit / jobs.length));
    }
    return undefined;
  }

  /** A text that no trigram leads to, among more jobs than can be read while somebody waits. */
  private async searchWithoutIndex(filter: JobFilter, through: string): Promise<JobView[]> {
    const newestFirst = filter.orderBy === 'id' && !filter.ascending;
    const jobs = newestFirst ? await this.page(filter, { through, newest: SEARCH_WALK }) : [];
    if (jobs.length >= filter.limit) return jobs;
    throw new DomainError(
      'invalid_parameter',
      'Invalid parameter: search needs three letters or digits in a row. ' +
        `A shorter text is only looked for in the newest ${SEARCH_WALK} jobs, and fewer than ${filter.limit} of them have it`,
    );
  }

  private async page(filter: JobFilter, searched?: Searched): Promise<JobView[]> {
    const parameters: unknown[] = [];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    const page = jobList(filter, bind, searched);
    const direction = filter.ascending ? 'ASC' : 'DESC';
    return this.sql.query<JobView>(
      `SELECT ${SUMMARY}, j.submitted FROM (${page}) page JOIN job j ON j.id = page.id JOIN client c ON c.id = j.client_id
       ORDER BY page.key ${direction}, j.id ${direction}`,
      parameters,
    );
  }

  /** The job up to which job_search is complete: as it only grows, one that was read a moment ago is as good. */
  private async searchedThrough(): Promise<string> {
    const [row] = await this.sql.query<{ value: string }>(`SELECT value FROM counter WHERE name = $1`, [
      markName('job_search'),
    ]);
    return row?.value ?? '0';
  }

  /** One statement, so one snapshot: no job stands in two lists. At most `limit` jobs in each. */
  async open(laneId: number, client: string | undefined, limit: number): Promise<OpenJobs> {
    const own = client === undefined ? '' : 'AND j.client_id = (SELECT id FROM client WHERE name = $3)';
    const lists = Object.entries(OPEN_ORDER).map(
      ([state, order]) =>
        `(SELECT j.*, row_number() OVER () AS place FROM (
            SELECT j.* FROM job j WHERE j.lane_id = $1 AND j.state = '${state}' ${own} ORDER BY ${order} LIMIT $2) j)`,
    );
    const rows = await this.sql.query<JobSummary>(
      `SELECT ${SUMMARY} FROM (${lists.join(' UNION ALL ')}) j JOIN client c ON c.id = j.client_id ORDER BY j.state, j.place`,
      client === undefined ? [laneId, limit] : [laneId, limit, client],
    );
    const open: OpenJobs = { started: [], queued: [], scheduled: [] };
    for (const row of rows) open[row.state as keyof OpenJobs].push(row);
    return open;
  }

  /** The job's log in the order of its ids. */
  async log(jobId: string, all: boolean): Promise<JobLogRow[]> {
    return this.sql.query<JobLogRow>(
      `SELECT id, job_id AS "jobId", task_id AS "taskId", severity, progname, message, visible,
              created_at AS "createdAt", updated_at AS "updatedAt"
       FROM job_log WHERE job_id = $1 AND (visible OR $2) ORDER BY id`,
      [jobId, all],
    );
  }
}
