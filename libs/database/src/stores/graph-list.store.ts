import { type JobState, type JsonObject, POISON_LEASES, type WaitReason } from '@task-engine/domain';
import { bigints, type Sql } from '../sql';
import { GRAPH_LANES } from './graph-queue';

export type GraphTaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** A graph task with what its job, its one step and its last execution say of it. */
export interface GraphTaskRecord {
  id: string;
  clientId: number;
  laneId: number;
  name: string;
  description: string | null;
  command: string;
  status: GraphTaskStatus;
  jobState: JobState;
  waitReason: WaitReason | null;
  /** As the engine counts: smaller first. */
  enginePriority: number;
  retryCount: number;
  maxRetries: number;
  createdAt: Date;
  updatedAt: Date;
  scheduledAt: Date | null;
  startedAt: Date | null;
  completedAt: Date | null;
  timeoutSeconds: number;
  tags: string[];
  workerTags: string[];
  dependencies: string[];
  workerId: string | null;
  result: string | null;
  error: string | null;
  checkpointEnabled: boolean;
  checkpoint: JsonObject | null;
}

export interface GraphTaskFilter {
  clientId: number;
  status?: GraphTaskStatus;
  tag?: string;
  sort: keyof typeof SORTS;
  descending: boolean;
  offset: number;
  limit: number;
}

export interface GraphLogRow {
  at: Date;
  severity: number;
  message: string;
}

const STATUS = `CASE WHEN t.state = 'started' AND j.state IN ('started', 'paused') THEN 'running' WHEN j.state IN ('completed', 'failed') THEN j.state
  WHEN j.state = 'broken' THEN 'cancelled' ELSE 'pending' END`;

/** Job states behind each status; whether the task runs tells the rest. */
const STATES = {
  pending: ['pending', 'scheduled', 'queued', 'started', 'paused'],
  running: ['started', 'paused'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['broken'],
} as const satisfies Record<GraphTaskStatus, readonly JobState[]>;

/** The try after which a task fails counts as a try, but is no retry; of one that is poison it was counted as a lost lease too. */
const RETRIES = `GREATEST(0, g.earlier_tries + COALESCE(t.tries + t.lost_leases, 0)
  - CASE WHEN j.state = 'failed' THEN 1 + (t.lost_leases >= ${POISON_LEASES})::int ELSE 0 END)`;

const UPDATED = `GREATEST(j.updated_at, t.started_at)`;

/**
 * Who took the last execution, unless none has been taken since the task was begun anew. (`+ 0`: an index on ids alone looks good to the
 * planner as long as there are few, and reads all that came later. In the list of columns, so that it is asked only for what is shown.)
 */
const WORKER = `CASE WHEN t.started_at IS NOT NULL THEN (
    SELECT own.worker_id FROM execution own WHERE own.job_id = g.job_id AND own.started_at IS NOT NULL ORDER BY own.id + 0 DESC LIMIT 1
  ) END`;

const COLUMNS = `g.job_id AS id, g.client_id AS "clientId", j.lane_id AS "laneId", g.name, g.description, g.command, ${STATUS} AS status,
  j.state AS "jobState", j.wait_reason AS "waitReason", j.priority AS "enginePriority", ${RETRIES} AS "retryCount",
  g.max_retries AS "maxRetries", j.created_at AS "createdAt", ${UPDATED} AS "updatedAt", g.scheduled_at AS "scheduledAt",
  t.started_at AS "startedAt", j.finished_at AS "completedAt", g.timeout_seconds AS "timeoutSeconds", g.tags, g.worker_tags AS "workerTags",
  g.dependencies, ${WORKER} AS "workerId", CASE WHEN j.state = 'completed' THEN t.output->>'result' END AS result, j.error,
  g.checkpoint_enabled AS "checkpointEnabled", g.checkpoint`;

const FROM = `graph_task g JOIN job j ON j.id = g.job_id LEFT JOIN task t ON t.job_id = g.job_id AND t.ordinal = 0`;

/** The same tasks. Outer joins, of which the planner leaves out those that neither the filter nor the order asks for. */
const CHOICE = `graph_task g LEFT JOIN job j ON j.id = g.job_id LEFT JOIN task t ON t.job_id = g.job_id AND t.ordinal = 0`;

/** Ids are given out in the order of creation, so that a list in that order need not be sorted. */
const SORTS = {
  created_at: 'g.job_id',
  updated_at: UPDATED,
  scheduled_at: 'g.scheduled_at',
  started_at: 't.started_at',
  completed_at: 'j.finished_at',
  priority: '-j.priority',
  name: 'g.name',
  status: STATUS,
} as const;

/** What readers may see of graph tasks. */
export class GraphListStore {
  constructor(private readonly sql: Sql) {}

  /** @param clientId undefined: whoever's it is */
  async find(id: string, clientId?: number): Promise<GraphTaskRecord | undefined> {
    const rows = await this.sql.prepared<GraphTaskRecord>(
      `SELECT ${COLUMNS} FROM ${FROM} WHERE g.job_id = $1 AND ($2::int IS NULL OR g.client_id = $2)`,
      [id, clientId ?? null],
    );
    return rows[0];
  }

  /** First which tasks, then what they are: rows that a page leaves out cost no more than their place in the order. */
  async list(filter: GraphTaskFilter): Promise<GraphTaskRecord[]> {
    const parameters: unknown[] = [];
    const where = conditions(filter, parameters);
    const direction = filter.descending ? 'DESC' : 'ASC';
    const key = SORTS[filter.sort];
    const order = `${key === SORTS.created_at ? '' : `${key} ${direction} NULLS LAST, `}g.job_id ${direction}`;
    parameters.push(filter.limit, filter.offset);
    return this.sql.query<GraphTaskRecord>(
      `SELECT ${COLUMNS} FROM (
         SELECT g.job_id AS id FROM ${CHOICE} WHERE ${where} ORDER BY ${order} LIMIT $${parameters.length - 1} OFFSET $${parameters.length}
       ) page JOIN ${FROM} ON g.job_id = page.id ORDER BY ${order}`,
      parameters,
    );
  }

  async count(filter: GraphTaskFilter): Promise<number> {
    const parameters: unknown[] = [];
    const where = conditions(filter, parameters);
    const [row] = await this.sql.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${CHOICE} WHERE ${where}`,
      parameters,
    );
    return row!.n;
  }

  /** What a task still waits for, in the order in which it names them; null: it is gone. */
  async blockers(id: string): Promise<{ id: string; status: GraphTaskStatus | null }[]> {
    return this.sql.query(
      `SELECT d.parent_id AS id, CASE WHEN j.id IS NOT NULL THEN ${STATUS} END AS status
       FROM graph_task g CROSS JOIN LATERAL unnest(g.dependencies) WITH ORDINALITY AS d (parent_id, n)
         JOIN graph_edge w ON w.parent_id = d.parent_id AND w.job_id = g.job_id
         LEFT JOIN job j ON j.id = d.parent_id LEFT JOIN task t ON t.job_id = j.id AND t.ordinal = 0
       WHERE g.job_id = $1 ORDER BY d.n`,
      [id],
    );
  }

  /** Tasks that wait for this one and are open, up to `limit`. */
  async waitingFor(id: string, limit: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `SELECT j.id FROM graph_edge w JOIN job j ON j.id = w.job_id WHERE w.parent_id = $1 AND j.state = 'pending' ORDER BY w.job_id LIMIT $2`,
      [id, limit],
    );
    return rows.map((row) => row.id);
  }

  /** Which of these wait for the task, by way of others too. Met dependencies are part of no circle. */
  async among(ids: string[], id: string): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `WITH RECURSIVE behind (id) AS (
         SELECT job_id FROM graph_edge WHERE parent_id = $1
         UNION
         SELECT w.job_id FROM behind JOIN graph_edge w ON w.parent_id = behind.id
       )
       SELECT id FROM behind WHERE id = ANY($2::bigint[]) ORDER BY id`,
      [id, bigints(ids)],
    );
    return rows.map((row) => row.id);
  }

  /** The log as clients see it: not what is said of deliveries. In the order in which it was written. */
  async log(
    id: string,
    { severities, limit, offset }: { severities?: number[]; limit: number; offset: number },
  ): Promise<{ rows: GraphLogRow[]; total: number }> {
    const which = `FROM job_log WHERE job_id = $1 AND visible AND progname <> 'callback' AND ($2::int[] IS NULL OR severity = ANY($2))`;
    const rows = await this.sql.query<GraphLogRow>(
      `SELECT created_at AS at, severity, message ${which} ORDER BY id LIMIT $3 OFFSET $4`,
      [id, severities ?? null, limit, offset],
    );
    const [counted] = await this.sql.query<{ n: number }>(`SELECT count(*)::int AS n ${which}`, [
      id,
      severities ?? null,
    ]);
    return { rows, total: counted!.n };
  }
}

function conditions({ clientId, status, tag }: GraphTaskFilter, parameters: unknown[]): string {
  const bind = (value: unknown) => `$${parameters.push(value)}`;
  const where = [`g.client_id = ${bind(clientId)}`];
  if (tag !== undefined) where.push(`g.tags @> ARRAY[${bind(tag)}]::text[]`);
  if (status === undefined) return where.join(' AND ');
  // as job_client has them: few run or wait among millions
  where.push(`j.client_id = ${bind(clientId)}`, `j.lane_id = ANY(ARRAY${GRAPH_LANES})`);
  where.push(`j.state = ANY(${bind(STATES[status])}::text[])`);
  // of the others the state of the job tells all
  if (status === 'pending' || status === 'running')
    where.push(`t.state IS ${status === 'running' ? 'NOT' : ''} DISTINCT FROM 'started'`);
  return where.join(' AND ');
}
