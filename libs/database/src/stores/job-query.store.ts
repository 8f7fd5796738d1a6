import type { JobState, JsonObject, WaitReason } from '@task-engine/domain';
import type { Sql } from '../sql';

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

/** What a list may be ordered by; ties go by id in the same direction. */
export const JOB_ORDERS = {
  id: 'j.id',
  client: 'c.name',
  workflow: 'j.workflow',
  priority: 'j.priority',
  position: 'j.position',
  topOfQueue: 'j.top_of_queue',
  // `failed` is a shade of completed, as the lists show it
  state: `CASE j.state WHEN 'failed' THEN 'completed' ELSE j.state END`,
  failed: `(j.state = 'failed')`,
  runAt: 'j.run_at',
  createdAt: 'j.created_at',
  updatedAt: 'j.updated_at',
} as const;

export type JobOrder = keyof typeof JOB_ORDERS;

export interface JobFilter {
  laneId: number;
  limit: number;
  orderBy: JobOrder;
  ascending: boolean;
  /** Any of these; undefined: every state; empty: no job at all. */
  states?: JobState[];
  /** Created at or after. */
  from?: Date;
  /** Created before (exclusive: the caller adds the precision of its inclusive bound). */
  before?: Date;
  /** Literal text anywhere in the submitted parameters, whatever its case. */
  search?: string;
  ids?: string[];
  client?: string;
  persist?: boolean;
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

  /** The jobs that match, with their parameters. */
  async list(filter: JobFilter): Promise<JobView[]> {
    const parameters: unknown[] = [];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    const where = conditions(filter, bind);
    const direction = filter.ascending ? 'ASC' : 'DESC';
    const order = `${JOB_ORDERS[filter.orderBy]} ${direction}${filter.orderBy === 'id' ? '' : `, j.id ${direction}`}`;
    return this.sql.query<JobView>(
      `SELECT ${SUMMARY}, j.submitted ${FROM} WHERE ${where.join(' AND ')} ORDER BY ${order} LIMIT ${bind(filter.limit)}`,
      parameters,
    );
  }

  /** One statement, so one snapshot: no job stands in two lists. At most `limit` jobs in each. */
  async open(laneId: number, client: string | undefined, limit: number): Promise<OpenJobs> {
    const lists = Object.entries(OPEN_ORDER).map(
      ([state, order]) =>
        `(SELECT ${SUMMARY}, row_number() OVER (ORDER BY ${order}) AS place ${FROM}
          WHERE j.lane_id = $1 AND j.state = '${state}' AND ($2::text IS NULL OR c.name = $2) ORDER BY ${order} LIMIT $3)`,
    );
    const rows = await this.sql.query<JobSummary>(
      `SELECT * FROM (${lists.join(' UNION ALL ')}) open ORDER BY state, place`,
      [laneId, client ?? null, limit],
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

function conditions(filter: JobFilter, bind: (value: unknown) => string): string[] {
  const where = [`j.lane_id = ${bind(filter.laneId)}`];
  const { states } = filter;
  // One state as an equality: it reads the index (state, id) in order and stops at the limit; = ANY would sort first.
  if (states?.length === 1) where.push(`j.state = ${bind(states[0])}`);
  else if (states) where.push(`j.state = ANY(${bind(states)}::text[])`);
  if (filter.from) where.push(`j.created_at >= ${bind(filter.from)}`);
  if (filter.before) where.push(`j.created_at < ${bind(filter.before)}`);
  if (filter.ids) where.push(`j.id = ANY(${bind(filter.ids)}::bigint[])`);
  if (filter.client !== undefined)
    where.push(`j.client_id = (SELECT id FROM client WHERE name = ${bind(filter.client)})`);
  if (filter.persist !== undefined) where.push(`j.persist = ${bind(filter.persist)}`);
  if (filter.search) where.push(`j.submitted::text ILIKE ${bind(containing(filter.search))} ESCAPE '\\'`);
  return where;
}

/**
 * ILIKE pattern for a text inside a JSON document: written as JSON writes it (jsonb's text escapes exactly what JSON.stringify
 * does), then with the pattern's own signs made literal.
 */
function containing(text: string): string {
  const json = JSON.stringify(text).slice(1, -1);
  return `%${json.replace(/[\\%_]/g, '\\$&')}%`;
}
