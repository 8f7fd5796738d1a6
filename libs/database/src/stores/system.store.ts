import { LEADER_LOCK, LEADER_NAME } from '../leadership';
import type { Sql } from '../sql';
import { GRAPH_LANES } from './graph-queue';
import { WORKER_SILENCE_SECONDS } from './worker.store';

export interface SystemParts {
  gateways: number;
  schedulers: number;
  /** Host of the scheduler that leads; null when none does, or its row is not there yet. */
  leader: string | null;
  /** To this database. */
  connections: number;
  completedToday: number;
  failedToday: number;
}

/** Graph tasks that are not over. */
export interface OpenGraphTasks {
  running: number;
  /** Waiting ones by priority of the engine, for which smaller runs first. */
  pending: { priority: number; n: number }[];
}

export interface HourSums {
  start: Date;
  completed: number;
  failed: number;
  /** Of the completed ones. */
  runSeconds: number;
}

/** Numbers about the installation for those who look after it. */
export class SystemStore {
  constructor(private readonly sql: Sql) {}

  async parts(): Promise<SystemParts> {
    const [row] = await this.sql.query<SystemParts>(
      `WITH live AS (
         SELECT app FROM worker WHERE stopped_at IS NULL AND last_seen_at > clock_timestamp() - make_interval(secs => ${WORKER_SILENCE_SECONDS})
       ), today AS (
         SELECT COALESCE(sum(completed), 0)::float8 AS completed, COALESCE(sum(failed), 0)::float8 AS failed
         FROM graph_hour WHERE hour >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
       )
       SELECT (SELECT count(*)::int FROM live WHERE app = 'api-gateway') AS gateways,
              (SELECT count(*)::int FROM live WHERE app = 'scheduler') AS schedulers,
              -- who holds the lock says in its connection's name which process it is
              (SELECT w.host FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                 JOIN worker w ON a.application_name = '${LEADER_NAME} ' || w.id
               WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = ${LEADER_LOCK} AND l.objsubid = 1
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS leader,
              (SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()) AS connections,
              today.completed AS "completedToday", today.failed AS "failedToday"
       FROM today`,
    );
    return row!;
  }

  /** Goes through the open tasks, by the indexes of their states: costs nothing for those that are over. */
  async openGraphTasks(): Promise<OpenGraphTasks> {
    const open = (states: string) => `SELECT priority FROM job WHERE ${states} AND lane_id IN ${GRAPH_LANES}`;
    const rows = await this.sql.query<{ priority: number; running: boolean; n: number }>(
      `SELECT priority, running, count(*)::int AS n FROM (
         SELECT priority, false AS running FROM (
           ${open(`state = 'queued'`)} UNION ALL ${open(`state = 'scheduled'`)} UNION ALL ${open(`state IN ('paused', 'pending')`)}
         ) waiting
         UNION ALL
         SELECT j.priority, t.state = 'started' FROM job j JOIN task t ON t.job_id = j.id
         WHERE j.state = 'started' AND j.lane_id IN ${GRAPH_LANES}
       ) open GROUP BY priority, running`,
    );
    const running = rows.filter((row) => row.running).reduce((sum, { n }) => sum + n, 0);
    return { running, pending: rows.filter((row) => !row.running) };
  }

  /** The last `count` hours, days, weeks (from Monday) or months by UTC, oldest first; the present one is the last. */
  async sums(unit: 'hour' | 'day' | 'week' | 'month', count: number): Promise<HourSums[]> {
    return this.sql.query(
      `WITH bucket AS (
         SELECT generate_series(last - ($2::int - 1) * step, last, step) AS start
         FROM (SELECT date_trunc($1::text, now() AT TIME ZONE 'UTC') AS last, ('1 ' || $1::text)::interval AS step) now
       ), counted AS (
         SELECT date_trunc($1::text, hour AT TIME ZONE 'UTC') AS start, sum(completed) AS completed, sum(failed) AS failed,
                sum(run_seconds) AS run_seconds
         FROM graph_hour WHERE hour >= (SELECT min(start) AT TIME ZONE 'UTC' FROM bucket) GROUP BY 1
       )
       SELECT bucket.start AT TIME ZONE 'UTC' AS start, COALESCE(completed, 0)::float8 AS completed, COALESCE(failed, 0)::float8 AS failed,
              COALESCE(run_seconds, 0) AS "runSeconds"
       FROM bucket LEFT JOIN counted USING (start) ORDER BY start`,
      [unit, count],
    );
  }
}
