import type { Sql } from '../sql';

/** Counts of a project at one time. */
export interface ProjectSnapshot {
  /** Open tasks without a vote, those that workers have included. */
  newTasks: bigint;
  failedTasks: bigint;
  /** Closed since the project began. */
  closedTasks: bigint;
  /** Workers that may do something in the project, or have asked for it. */
  accesses: bigint;
  /** Votes for tasks that are open still. */
  votes: bigint;
  at: Date;
}

type SnapshotRow = { [Name in keyof ProjectSnapshot]: ProjectSnapshot[Name] extends bigint ? string : Date };

const COLUMNS = `new_tasks AS "newTasks", failed_tasks AS "failedTasks", closed_tasks AS "closedTasks", accesses, votes, at`;

/** Workers that `assignees` tells of (reference/task-tracker.md 1.5). */
const ASSIGNEES = 16;
/** Most snapshots that are answered for a span of time. */
const SPAN = 10_000;

/** How projects do, now and before. */
export class ProjectMonitorStore {
  constructor(private readonly sql: Sql) {}

  /** One of each project, unless one was taken within half of `seconds`: two that want to at a time take it once. */
  async snapshot(seconds: number): Promise<void> {
    await this.sql.query(
      `INSERT INTO project_snapshot (project_id, new_tasks, failed_tasks, closed_tasks, accesses, votes)
       SELECT p.id, COALESCE(t.new, 0), COALESCE(t.failed, 0), p.closed_tasks, COALESCE(a.n, 0), COALESCE(t.votes, 0)
       FROM project p
       LEFT JOIN (SELECT project_id, count(*) FILTER (WHERE state = 'open' AND votes = 0) AS new, count(*) FILTER (WHERE state = 'failed') AS failed,
                         sum(votes) FILTER (WHERE state = 'open') AS votes
                  FROM pull_task WHERE state <> 'closed' GROUP BY project_id) t ON t.project_id = p.id
       LEFT JOIN (SELECT project_id, count(*) AS n FROM project_access GROUP BY project_id) a ON a.project_id = p.id
       WHERE NOT EXISTS (SELECT FROM project_snapshot s WHERE s.project_id = p.id AND s.at > now() - make_interval(secs => $1::float8 / 2))
       ON CONFLICT DO NOTHING`,
      [seconds],
    );
  }

  async forget(seconds: number): Promise<void> {
    await this.sql.query(`DELETE FROM project_snapshot WHERE at < now() - make_interval(secs => $1)`, [seconds]);
  }

  /** Newest first. */
  async newest(projectId: number, count: number): Promise<ProjectSnapshot[]> {
    return this.read(`project_id = $1`, [projectId, count]);
  }

  /** Both ends included, newest first. */
  async between(projectId: number, from: Date, to: Date): Promise<ProjectSnapshot[]> {
    return this.read(`project_id = $1 AND at >= $3 AND at < $4::timestamptz + interval '1 second'`, [
      projectId,
      SPAN,
      from,
      to,
    ]);
  }

  /** Open tasks by the alias of the worker that has them, null those that nobody has; the fewest first. */
  async assignees(projectId: number): Promise<{ assignee: string | null; tasks: number }[]> {
    return this.sql.query(
      `SELECT w.alias AS assignee, count(*)::int AS tasks FROM pull_task t LEFT JOIN pull_worker w ON w.id = t.worker_id
       WHERE t.project_id = $1 AND t.state <> 'closed' GROUP BY w.id ORDER BY tasks, w.id LIMIT ${ASSIGNEES}`,
      [projectId],
    );
  }

  private async read(where: string, parameters: unknown[]): Promise<ProjectSnapshot[]> {
    const rows = await this.sql.query<SnapshotRow>(
      `SELECT ${COLUMNS} FROM project_snapshot WHERE ${where} ORDER BY at DESC LIMIT $2`,
      parameters,
    );
    return rows.map((row) => ({
      newTasks: BigInt(row.newTasks),
      failedTasks: BigInt(row.failedTasks),
      closedTasks: BigInt(row.closedTasks),
      accesses: BigInt(row.accesses),
      votes: BigInt(row.votes),
      at: row.at,
    }));
  }
}
