import type { Sql } from '../sql';
import { isGraphQueue } from './graph-queue';
import type { Slice } from './webhook.store';
import { TASK_WORKER, WORKER_OFFLINE_SECONDS } from './worker.store';

export type EngineWorkerStatus = 'active' | 'idle' | 'offline';

export interface EngineWorkerRecord {
  id: string;
  hostname: string;
  status: EngineWorkerStatus;
  tasksCompleted: number;
  tasksFailed: number;
  currentTasks: number;
  lastHeartbeat: Date;
  registeredAt: Date;
  version: string;
  tags: string[];
}

export interface EngineWorkerUse {
  currentTaskIds: string[];
  cpu: number | null;
  memory: number | null;
  disk: number | null;
}

export interface WorkerTaskRecord {
  id: string;
  name: string;
  status: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';
  /** Of the engine: smaller runs first. */
  priority: number;
  startedAt: Date | null;
}

/** Of a worker's tasks only the newest are gone through: what one call may cost, however long the worker has been there. */
const NEWEST = 10_000;

/** Processes that run tasks, as graph tasks see them. */
const WORKERS = `(
  SELECT w.id, w.host AS hostname, w.tasks_completed::float8 AS "tasksCompleted", w.tasks_failed::float8 AS "tasksFailed",
         COALESCE(array_length(runs.jobs, 1), 0) AS "currentTasks", w.last_seen_at AS "lastHeartbeat", w.started_at AS "registeredAt",
         w.version, w.tags, COALESCE(runs.jobs, '{}') AS "currentTaskIds", w.cpu_usage AS cpu, w.memory_usage AS memory,
         w.disk_usage AS disk,
         CASE WHEN w.stopped_at IS NOT NULL OR w.last_seen_at < statement_timestamp() - make_interval(secs => ${WORKER_OFFLINE_SECONDS})
              THEN 'offline' WHEN runs.jobs IS NULL THEN 'idle' ELSE 'active' END AS status
  FROM worker w LEFT JOIN (
    SELECT worker_id, array_agg(job_id::text ORDER BY id) AS jobs FROM execution
    WHERE state = 'running' AND ${isGraphQueue('queue')} GROUP BY worker_id
  ) runs ON runs.worker_id = w.id
  WHERE w.app = '${TASK_WORKER}'
)`;

const SHOWN = `id, hostname, status, "tasksCompleted", "tasksFailed", "currentTasks", "lastHeartbeat", "registeredAt", version, tags`;

/** A client's tasks ($2) whose last execution a worker had ($1) and that have not been begun anew since. */
const TASKS = `(
  SELECT j.id, g.name, j.priority, e.started_at AS "startedAt", e.id AS execution_id,
         CASE WHEN t.state = 'started' AND j.state IN ('started', 'paused') THEN 'running' WHEN j.state IN ('completed', 'failed') THEN j.state
              WHEN j.state = 'broken' THEN 'cancelled' ELSE 'pending' END AS status
  FROM (
    SELECT job_id, max(id) AS id FROM (
      SELECT id, job_id FROM execution WHERE worker_id = $1 AND ${isGraphQueue('queue')} ORDER BY id DESC LIMIT ${NEWEST}
    ) newest GROUP BY job_id
  ) had
  JOIN execution e ON e.id = had.id JOIN graph_task g ON g.job_id = e.job_id AND g.client_id = $2
  JOIN job j ON j.id = e.job_id
  JOIN task t ON t.job_id = e.job_id AND t.started_at IS NOT NULL
  WHERE NOT EXISTS (SELECT FROM execution later WHERE later.job_id = e.job_id AND later.id > e.id AND later.started_at IS NOT NULL)
)`;

/** The workers of graph tasks, by what the rows say at the moment. */
export class EngineWorkerStore {
  constructor(private readonly sql: Sql) {}

  /** In the order in which they came. */
  async list(
    status: EngineWorkerStatus | undefined,
    { offset, limit }: Slice,
  ): Promise<{ workers: EngineWorkerRecord[]; total: number }> {
    const [workers, [count]] = await Promise.all([
      this.sql.query<EngineWorkerRecord>(
        `SELECT ${SHOWN} FROM ${WORKERS} w WHERE $1::text IS NULL OR status = $1 ORDER BY "registeredAt", id OFFSET $2 LIMIT $3`,
        [status ?? null, offset, limit],
      ),
      this.sql.query<{ total: number }>(
        `SELECT count(*)::int AS total FROM ${WORKERS} w WHERE $1::text IS NULL OR status = $1`,
        [status ?? null],
      ),
    ]);
    return { workers, total: count!.total };
  }

  /** The ids are the client's own; the counts are of all. */
  async find(id: string, clientId: number): Promise<(EngineWorkerRecord & EngineWorkerUse) | undefined> {
    const [row] = await this.sql.query<EngineWorkerRecord & EngineWorkerUse>(
      `SELECT ${SHOWN}, cpu, memory, disk,
              ARRAY(SELECT run.job_id FROM unnest("currentTaskIds") WITH ORDINALITY AS run (job_id, place)
                    JOIN graph_task g ON g.job_id = run.job_id::bigint AND g.client_id = $2 ORDER BY run.place) AS "currentTaskIds"
       FROM ${WORKERS} w WHERE id = $1`,
      [id, clientId],
    );
    return row;
  }

  /** How many workers there are of each kind. */
  async counts(): Promise<Record<EngineWorkerStatus, number>> {
    const rows = await this.sql.query<{ status: EngineWorkerStatus; n: number }>(
      `SELECT status, count(*)::int AS n FROM ${WORKERS} w GROUP BY status`,
    );
    return { active: 0, idle: 0, offline: 0, ...Object.fromEntries(rows.map(({ status, n }) => [status, n])) };
  }

  /** Undefined when there is no such worker. */
  async tasks(
    id: string,
    clientId: number,
    status: WorkerTaskRecord['status'] | undefined,
    { offset, limit }: Slice,
  ): Promise<{ tasks: WorkerTaskRecord[]; total: number } | undefined> {
    const [worker] = await this.sql.query(`SELECT FROM worker WHERE id = $1 AND app = '${TASK_WORKER}'`, [id]);
    if (!worker) return undefined;
    const [tasks, [count]] = await Promise.all([
      this.sql.query<WorkerTaskRecord>(
        `SELECT id, name, status, priority, "startedAt" FROM ${TASKS} t WHERE $3::text IS NULL OR status = $3
         ORDER BY execution_id DESC OFFSET $4 LIMIT $5`,
        [id, clientId, status ?? null, offset, limit],
      ),
      this.sql.query<{ total: number }>(
        `SELECT count(*)::int AS total FROM ${TASKS} t WHERE $3::text IS NULL OR status = $3`,
        [id, clientId, status ?? null],
      ),
    ]);
    return { tasks, total: count!.total };
  }

  /** Whether a worker is there that takes what waits in the queue. */
  async isServed(queue: string): Promise<boolean> {
    const rows = await this.sql.query(
      `SELECT FROM worker_queue q JOIN worker w ON w.id = q.worker_id
       WHERE q.queue = $1 AND w.stopped_at IS NULL
         AND w.last_seen_at >= statement_timestamp() - make_interval(secs => ${WORKER_OFFLINE_SECONDS}) LIMIT 1`,
      [queue],
    );
    return rows.length > 0;
  }

  /** Those of these queues in which something waits that may be taken within `seconds`. */
  async withWork(queues: string[], seconds: number): Promise<string[]> {
    const rows = await this.sql.prepared<{ queue: string }>(
      `SELECT queue FROM unnest($1::text[]) AS q (queue)
       WHERE EXISTS (SELECT FROM execution e WHERE e.queue = q.queue AND e.state = 'queued' AND NOT e.parked AND NOT e.last_chance
                       AND e.available_at <= statement_timestamp() + make_interval(secs => $2))
          OR EXISTS (SELECT FROM execution e WHERE e.queue = q.queue AND e.state = 'queued' AND NOT e.parked AND e.last_chance)`,
      [queues, seconds],
    );
    return rows.map(({ queue }) => queue);
  }
}
