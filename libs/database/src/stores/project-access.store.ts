import type { Sql } from '../sql';
import { type PullWorkerRecord, pullWorkerRecord, PULL_WORKER_COLUMNS } from './pull-worker.store';

export interface AccessRecord {
  projectId: number;
  worker: PullWorkerRecord;
  assign: boolean;
  submit: boolean;
  /** Asked for, and not granted yet. */
  pending: boolean;
}

/** What workers may do in projects. Ids that come from outside may be larger than any id is. */
export class ProjectAccessStore {
  constructor(private readonly sql: Sql) {}

  /** @returns false without such a project, and when the worker has access to it or has asked already */
  async request(workerId: number, projectId: bigint, wanted: { assign: boolean; submit: boolean }): Promise<boolean> {
    const rows = await this.sql.query(
      `INSERT INTO project_access (project_id, worker_id, assign, submit) SELECT id, $2, $3, $4 FROM project WHERE id = $1::bigint
       ON CONFLICT (project_id, worker_id) DO NOTHING RETURNING project_id`,
      [`${projectId}`, workerId, wanted.assign, wanted.submit],
    );
    return rows.length === 1;
  }

  /** Granted ones first, then in the order of the workers' names. */
  async ofProject(projectId: bigint): Promise<AccessRecord[]> {
    const rows = await this.sql.query<Omit<AccessRecord, 'worker'> & Parameters<typeof pullWorkerRecord>[0]>(
      `SELECT a.project_id AS "projectId", a.assign, a.submit, a.pending, ${PULL_WORKER_COLUMNS}
       FROM project_access a JOIN pull_worker w ON w.id = a.worker_id WHERE a.project_id = $1::bigint
       ORDER BY a.pending, w.alias, w.id`,
      [`${projectId}`],
    );
    return rows.map(({ projectId: id, assign, submit, pending, ...worker }) => ({
      projectId: id,
      worker: pullWorkerRecord(worker),
      assign,
      submit,
      pending,
    }));
  }

  /** Grants what was asked for. */
  async accept(projectId: bigint, workerId: bigint): Promise<boolean> {
    const rows = await this.sql.query(
      `UPDATE project_access SET pending = false WHERE project_id = $1::bigint AND worker_id = $2::bigint RETURNING project_id`,
      [`${projectId}`, `${workerId}`],
    );
    return rows.length === 1;
  }

  /** Takes away what was asked for or granted. */
  async reject(projectId: bigint, workerId: bigint): Promise<boolean> {
    const rows = await this.sql.query(
      `DELETE FROM project_access WHERE project_id = $1::bigint AND worker_id = $2::bigint RETURNING project_id`,
      [`${projectId}`, `${workerId}`],
    );
    return rows.length === 1;
  }

  /** Whether the worker was granted to be given tasks. */
  async mayAssign(projectId: bigint, workerId: number): Promise<boolean> {
    const rows = await this.sql.query(
      `SELECT 1 FROM project_access WHERE project_id = $1::bigint AND worker_id = $2 AND assign AND NOT pending`,
      [`${projectId}`, workerId],
    );
    return rows.length === 1;
  }
}
