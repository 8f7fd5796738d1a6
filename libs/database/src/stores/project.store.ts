import type { Sql } from '../sql';

export interface ProjectRecord {
  id: number;
  laneId: number;
  priority: bigint;
  name: string;
  cloneUrl: string;
  gitRepo: string;
  version: string;
  motd: string;
  public: boolean;
  hidden: boolean;
  /** Where a closed task goes on; null: nowhere. */
  chainId: number | null;
  /** Of its lane. */
  paused: boolean;
  /** Tasks per second; null: no limit. */
  assignRate: number | null;
  submitRate: number | null;
}

/** What a project is made with, and what an update replaces. */
export type NewProject = Omit<ProjectRecord, 'id' | 'laneId' | 'paused'>;

/** Of `project p JOIN lane l`. Priority is text here, see `projectRecord`. */
export const PROJECT_COLUMNS = `p.id, p.lane_id AS "laneId", p.priority, p.name, p.clone_url AS "cloneUrl", p.git_repo AS "gitRepo",
  p.version, p.motd, p.public, p.hidden, p.chain_id AS "chainId", l.paused, p.assign_rate AS "assignRate", p.submit_rate AS "submitRate"`;

const SELECT = `SELECT ${PROJECT_COLUMNS} FROM project p JOIN lane l ON l.id = p.lane_id`;

/** Columns of `parametersOf`. */
const FIELDS = `priority, name, clone_url, git_repo, version, motd, public, hidden, chain_id, assign_rate, submit_rate`;

/** Workers pull as many tasks as they like: what a lane's slots would limit is not limited here. */
const UNLIMITED = 2_147_483_647;

/** A row of PROJECT_COLUMNS as the record it is. */
export function projectRecord(row: Omit<ProjectRecord, 'priority'> & { priority: string }): ProjectRecord {
  return { ...row, priority: BigInt(row.priority) };
}

/** Whether a statement failed because another project has the name. */
export function isNameTaken(error: unknown): boolean {
  const { code, constraint } = error as { code?: string; constraint?: string };
  return code === '23505' && constraint === 'project_name_key';
}

/** Projects, each with its lane. Ids that come from outside may be larger than any id is. */
export class ProjectStore {
  constructor(private readonly sql: Sql) {}

  /** A project with a lane of its own, which is named after it. @throws isNameTaken */
  async insert(project: NewProject, webhookSecret: string): Promise<number> {
    const [row] = await this.sql.query<{ id: number }>(
      `WITH new AS MATERIALIZED (SELECT nextval(pg_get_serial_sequence('project', 'id'))::integer AS id),
       lane AS (INSERT INTO lane (name, max_running, pulled) SELECT 'project/' || id, $13, true FROM new RETURNING id)
       INSERT INTO project (id, lane_id, webhook_secret, ${FIELDS}) OVERRIDING SYSTEM VALUE
       SELECT new.id, lane.id, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM new, lane RETURNING id`,
      [webhookSecret, ...parametersOf(project), UNLIMITED],
    );
    return row!.id;
  }

  /** Replaces all of it, and forgets what its rates have used up. @throws isNameTaken */
  async update(id: number, project: NewProject): Promise<void> {
    await this.sql.query(
      `UPDATE project SET (${FIELDS}) = ROW ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12),
              assign_free_at = '-infinity', submit_free_at = '-infinity' WHERE id = $1`,
      [id, ...parametersOf(project)],
    );
  }

  async find(id: bigint): Promise<ProjectRecord | undefined> {
    const rows = await this.sql.query<Parameters<typeof projectRecord>[0]>(`${SELECT} WHERE p.id = $1::bigint`, [
      `${id}`,
    ]);
    return rows[0] && projectRecord(rows[0]);
  }

  /** In the order of their names: those that are not hidden, and of the hidden ones those in which the manager has one of these roles. */
  async visible(managerId: number | null, roles: number): Promise<ProjectRecord[]> {
    return this.list(
      `WHERE NOT p.hidden OR EXISTS (SELECT FROM project_role r
         WHERE r.project_id = p.id AND r.manager_id = $1::integer AND r.role & $2::integer <> 0)`,
      [managerId, roles],
    );
  }

  /** In the order of their names. */
  async all(): Promise<ProjectRecord[]> {
    return this.list('', []);
  }

  private async list(where: string, parameters: unknown[]): Promise<ProjectRecord[]> {
    const rows = await this.sql.query<Parameters<typeof projectRecord>[0]>(
      `${SELECT} ${where} ORDER BY p.name, p.id`,
      parameters,
    );
    return rows.map(projectRecord);
  }

  /** What its workers may know. */
  async secret(id: bigint): Promise<string | undefined> {
    const [row] = await this.sql.query<{ secret: string }>(`SELECT secret FROM project WHERE id = $1::bigint`, [
      `${id}`,
    ]);
    return row?.secret;
  }

  async setSecret(id: bigint, secret: string): Promise<boolean> {
    const rows = await this.sql.query(`UPDATE project SET secret = $2 WHERE id = $1::bigint RETURNING id`, [
      `${id}`,
      secret,
    ]);
    return rows.length === 1;
  }

  /** What pushes to its repository are signed with. */
  async webhookSecret(id: bigint): Promise<string | undefined> {
    const [row] = await this.sql.query<{ secret: string }>(
      `SELECT webhook_secret AS secret FROM project WHERE id = $1::bigint`,
      [`${id}`],
    );
    return row?.secret;
  }

  async setWebhookSecret(id: bigint, secret: string): Promise<boolean> {
    const rows = await this.sql.query(`UPDATE project SET webhook_secret = $2 WHERE id = $1::bigint RETURNING id`, [
      `${id}`,
      secret,
    ]);
    return rows.length === 1;
  }

  /** The first one with this repository, in whatever case it is written. */
  async ofRepository(name: string): Promise<{ id: number; webhookSecret: string } | undefined> {
    const rows = await this.sql.query<{ id: number; webhookSecret: string }>(
      `SELECT id, webhook_secret AS "webhookSecret" FROM project WHERE lower(git_repo) = lower($1) ORDER BY id LIMIT 1`,
      [name],
    );
    return rows[0];
  }

  async setVersion(id: number, version: string): Promise<void> {
    await this.sql.query(`UPDATE project SET version = $2 WHERE id = $1`, [id, version]);
  }
}

function parametersOf(project: NewProject): unknown[] {
  const { priority, name, cloneUrl, gitRepo, version, motd, hidden, chainId, assignRate, submitRate } = project;
  return [
    `${priority}`,
    name,
    cloneUrl,
    gitRepo,
    version,
    motd,
    project.public,
    hidden,
    chainId,
    assignRate,
    submitRate,
  ];
}
