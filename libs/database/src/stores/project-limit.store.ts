import type { Sql } from '../sql';
import { PROJECT_COLUMNS, type ProjectRecord, projectRecord } from './project.store';

/** What a submission or a claim has to know of a project before it may. */
export interface ProjectGate extends ProjectRecord {
  /** A manager has paused the worker. */
  workerPaused: boolean;
  /** The worker has an accepted access to submit. */
  maySubmit: boolean;
}

/** Longest time that a rate leaves between two, in seconds: what is rarer never comes. */
const RAREST_SECONDS = 3_000_000_000;

/** Who may do what in a project, and how often. */
export class ProjectLimitStore {
  constructor(private readonly sql: Sql) {}

  /** Of each worker in the project it asks for, in the order given; undefined where there is no such project. */
  async gates(asked: { projectId: number; workerId: number }[]): Promise<(ProjectGate | undefined)[]> {
    const rows = await this.sql.prepared<Omit<ProjectGate, 'priority'> & { priority: string; n: number }>(
      `SELECT ${PROJECT_COLUMNS}, COALESCE(a.submit AND NOT a.pending, false) AS "maySubmit", COALESCE(w.paused, false) AS "workerPaused",
              asked.n::int AS n
       FROM unnest($1::int[], $2::int[]) WITH ORDINALITY AS asked (project_id, worker_id, n)
         JOIN project p ON p.id = asked.project_id JOIN lane l ON l.id = p.lane_id
         LEFT JOIN project_access a ON a.project_id = p.id AND a.worker_id = asked.worker_id
         LEFT JOIN pull_worker w ON w.id = asked.worker_id`,
      [asked.map(({ projectId }) => projectId), asked.map(({ workerId }) => workerId)],
    );
    const gates: (ProjectGate | undefined)[] = asked.map(() => undefined);
    for (const { n, ...row } of rows) gates[n - 1] = { ...row, ...projectRecord(row) };
    return gates;
  }

  async named(name: string): Promise<{ id: number; laneId: number } | undefined> {
    const rows = await this.sql.query<{ id: number; laneId: number }>(
      `SELECT id, lane_id AS "laneId" FROM project WHERE name = $1`,
      [name],
    );
    return rows[0];
  }

  /**
   * Takes the project's one token, which comes back after 1 / rate seconds: a bucket of size 1 that all gateways share.
   * @returns 0, or the seconds until there is one
   */
  async takeToken(projectId: number, kind: 'assign' | 'submit'): Promise<number> {
    const column = `${kind}_free_at`;
    const [taken] = await this.sql.prepared(
      `UPDATE project SET ${column} = clock_timestamp() + make_interval(secs => 1 / GREATEST(${kind}_rate, ${1 / RAREST_SECONDS}))
       WHERE id = $1 AND ${column} <= clock_timestamp() RETURNING id`,
      [projectId],
    );
    if (taken) return 0;
    const [row] = await this.sql.prepared<{ seconds: number }>(
      `SELECT EXTRACT(EPOCH FROM GREATEST(${column}, clock_timestamp()) - clock_timestamp())::float8 AS seconds FROM project WHERE id = $1`,
      [projectId],
    );
    // it came free between the two looks: soon enough
    return Math.max(0.001, row?.seconds ?? 0.001);
  }
}
