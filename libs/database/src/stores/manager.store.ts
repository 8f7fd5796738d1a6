import type { Sql } from '../sql';

export interface ManagerRecord {
  id: number;
  username: string;
  /** Passes every check of a role. */
  admin: boolean;
  registeredAt: Date;
}

const COLUMNS = `m.id, m.username, m.admin, m.registered_at AS "registeredAt"`;

/** Managers, their logins and their roles. Ids that come from outside may be larger than any id is. */
export class ManagerStore {
  constructor(private readonly sql: Sql) {}

  /** Nobody else registers until the end of the transaction: of several at once only one may be the first. */
  async lockRegistration(): Promise<void> {
    await this.sql.query(`LOCK TABLE manager IN SHARE ROW EXCLUSIVE MODE`);
  }

  /** The first one looks after all the others. Under `lockRegistration`. @returns undefined when the name is taken */
  async insert(username: string, password: string): Promise<ManagerRecord | undefined> {
    const rows = await this.sql.query<ManagerRecord>(
      `INSERT INTO manager AS m (username, password, admin) VALUES ($1, $2, NOT EXISTS (SELECT FROM manager))
       ON CONFLICT (username) DO NOTHING RETURNING ${COLUMNS}`,
      [username, password],
    );
    return rows[0];
  }

  async findByName(username: string): Promise<{ manager: ManagerRecord; password: string } | undefined> {
    const [row] = await this.sql.query<ManagerRecord & { password: string }>(
      `SELECT ${COLUMNS}, m.password FROM manager m WHERE m.username = $1`,
      [username],
    );
    if (!row) return undefined;
    const { password, ...manager } = row;
    return { manager, password };
  }

  async all(): Promise<ManagerRecord[]> {
    return this.sql.query<ManagerRecord>(`SELECT ${COLUMNS} FROM manager m ORDER BY m.id`);
  }

  /** With their sessions and roles; what they look after stays. */
  async remove(username: string): Promise<void> {
    await this.sql.query(
      `WITH gone AS (SELECT id FROM manager WHERE username = $1),
       sessions AS (DELETE FROM manager_session WHERE manager_id IN (SELECT id FROM gone)),
       roles AS (DELETE FROM project_role WHERE manager_id IN (SELECT id FROM gone))
       DELETE FROM manager WHERE id IN (SELECT id FROM gone)`,
      [username],
    );
  }

  async setAdmin(id: bigint, admin: boolean): Promise<void> {
    await this.sql.query(`UPDATE manager SET admin = $2 WHERE id = $1::bigint`, [`${id}`, admin]);
  }

  /** Also clears away what has expired, of whomever it is. @returns when it expires */
  async insertSession(digest: Buffer, managerId: number, seconds: number): Promise<Date> {
    const [row] = await this.sql.query<{ expiresAt: Date }>(
      `WITH expired AS (DELETE FROM manager_session WHERE digest IN
         (SELECT digest FROM manager_session WHERE expires_at <= now() LIMIT 1000 FOR UPDATE SKIP LOCKED))
       INSERT INTO manager_session (digest, manager_id, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3))
       RETURNING expires_at AS "expiresAt"`,
      [digest, managerId, seconds],
    );
    return row!.expiresAt;
  }

  async deleteSession(digest: Buffer): Promise<void> {
    await this.sql.query(`DELETE FROM manager_session WHERE digest = $1`, [digest]);
  }

  async bySession(digest: Buffer): Promise<ManagerRecord | undefined> {
    const rows = await this.sql.query<ManagerRecord>(
      `SELECT ${COLUMNS} FROM manager_session s JOIN manager m ON m.id = s.manager_id WHERE s.digest = $1 AND s.expires_at > now()`,
      [digest],
    );
    return rows[0];
  }

  /** Those with a role in it, in the order in which they registered. */
  async ofProject(projectId: bigint): Promise<{ manager: ManagerRecord; role: number }[]> {
    const rows = await this.sql.query<ManagerRecord & { role: number }>(
      `SELECT ${COLUMNS}, r.role FROM project_role r JOIN manager m ON m.id = r.manager_id
       WHERE r.project_id = $1::bigint ORDER BY m.id`,
      [`${projectId}`],
    );
    return rows.map(({ role, ...manager }) => ({ manager, role }));
  }

  /** @returns false without such a manager or project */
  async setRole(managerId: bigint, projectId: bigint, role: number): Promise<boolean> {
    const rows = await this.sql.query(
      `INSERT INTO project_role (manager_id, project_id, role) SELECT m.id, p.id, $3 FROM manager m, project p
       WHERE m.id = $1::bigint AND p.id = $2::bigint
       ON CONFLICT (manager_id, project_id) DO UPDATE SET role = excluded.role RETURNING role`,
      [`${managerId}`, `${projectId}`, role],
    );
    return rows.length === 1;
  }

  /** @returns false without such a manager or project */
  async removeRole(managerId: bigint, projectId: bigint): Promise<boolean> {
    const rows = await this.sql.query(
      `WITH pair AS (SELECT m.id AS manager_id, p.id AS project_id FROM manager m, project p WHERE m.id = $1::bigint AND p.id = $2::bigint),
       removed AS (DELETE FROM project_role r USING pair WHERE r.manager_id = pair.manager_id AND r.project_id = pair.project_id)
       SELECT 1 FROM pair`,
      [`${managerId}`, `${projectId}`],
    );
    return rows.length === 1;
  }

  /** Whether the manager has one of these roles in the project. */
  async hasRole(managerId: number, projectId: bigint, roles: number): Promise<boolean> {
    const rows = await this.sql.query(
      `SELECT 1 FROM project_role WHERE manager_id = $1 AND project_id = $2::bigint AND role & $3::integer <> 0`,
      [managerId, `${projectId}`, roles],
    );
    return rows.length === 1;
  }
}
