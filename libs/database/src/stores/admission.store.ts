import { bigints, type Sql, unindexed, unseen } from '../sql';
import { change } from './job-change';
import { JOB_COLUMNS, type JobRecord } from './job.store';

export type QueuedJob = Pick<JobRecord, 'id' | 'priority' | 'clientId' | 'topOfQueue'>;

/** Clients with a cap and what runs of them, in all lanes that admission fills. Whoever decides holds their locks (`lockCapped`). */
const CAPPED_CLIENTS = `SELECT c.id AS "clientId", c.max_running AS cap, count(j.id)::int AS running
  FROM client c LEFT JOIN job j ON j.client_id = c.id AND j.state = 'started' AND j.lane_id = ANY(ARRAY(SELECT id FROM lane WHERE NOT pulled))
  WHERE c.max_running IS NOT NULL GROUP BY c.id`;

/** Queued jobs and the slots of their lane: what admission looks at and does. The caller holds the lane's lock. */
export class AdmissionStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Jobs in dispatch order, at most `limit` and no more than the lane has free slots: of clients without a cap from the lane's queue, of
   * capped ones at most what their cap leaves. None while the lane is paused.
   * @param upTo only those of this priority number or below that are not on top of the queue
   */
  async queued(laneId: number, limit: number, upTo?: number): Promise<JobRecord[]> {
    const waiting = `lane_id = $1 AND state = 'queued'${upTo === undefined ? '' : ` AND NOT top_of_queue AND priority <= ${Number(upTo)}`}`;
    return this.sql.prepared<JobRecord>(
      `WITH capped AS MATERIALIZED (${CAPPED_CLIENTS}),
       free AS MATERIALIZED (
         SELECT COALESCE((
           SELECT GREATEST(0, LEAST($2, max_running - (SELECT count(*) FROM job WHERE lane_id = $1 AND state = 'started')))
           FROM lane WHERE id = $1 AND NOT paused AND NOT pulled
         ), 0) AS slots
       ), open AS (
         SELECT * FROM job WHERE ${waiting} AND client_id <> ALL(ARRAY(SELECT "clientId" FROM capped))
         ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT (SELECT slots FROM free)
       ), roomy AS (
         SELECT own.* FROM capped CROSS JOIN LATERAL (
           SELECT * FROM job WHERE ${waiting} AND client_id = capped."clientId"
           ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT LEAST((SELECT slots FROM free), GREATEST(0, cap - running))
         ) own
       )
       SELECT ${JOB_COLUMNS} FROM (SELECT * FROM open UNION ALL SELECT * FROM roomy) j JOIN client c ON c.id = j.client_id
       ORDER BY j.top_of_queue DESC, j.priority, j.position, j.created_at, j.id LIMIT (SELECT slots FROM free)`,
      [laneId, limit],
    );
  }

  /** Those of the jobs that are queued. */
  async find(ids: string[]): Promise<QueuedJob[]> {
    return this.sql.query<QueuedJob>(
      `SELECT id, priority, client_id AS "clientId", top_of_queue AS "topOfQueue" FROM job
       WHERE id = ANY($1::bigint[]) AND ${unindexed(`state = 'queued'`)}`,
      [bigints(ids)],
    );
  }

  async occupancy(laneId: number): Promise<{ running: number; runningUnreserved: number }> {
    const [row] = await this.sql.prepared<{
      running: number;
      runningUnreserved: number;
    }>(
      `SELECT count(*)::int AS running,
              (count(*) FILTER (WHERE priority > (SELECT reserved_threshold FROM lane WHERE id = $1)))::int AS "runningUnreserved"
       FROM job WHERE lane_id = $1 AND state = 'started'`,
      [laneId],
    );
    return row!;
  }

  /**
   * Locks the clients with a cap that have something queued in the lane, after the lane: their jobs may stand in several, where somebody
   * else decides at the same time. (OFFSET 0: mostly there is no such client, and then no job is looked at.)
   */
  async lockCapped(laneId: number): Promise<void> {
    await this.sql.prepared(
      `SELECT FROM client c WHERE c.max_running IS NOT NULL
         AND EXISTS (SELECT FROM job j WHERE j.lane_id = $1 AND j.client_id = c.id AND j.state = 'queued' OFFSET 0)
       ORDER BY c.id FOR NO KEY UPDATE`,
      [laneId],
    );
  }

  /** Started jobs of the clients that have a cap. */
  async cappedClients(): Promise<{ clientId: number; cap: number; running: number }[]> {
    return this.sql.prepared(CAPPED_CLIENTS);
  }

  /**
   * queued -> started. The caller holds the lane's lock, which is what keeps the limits.
   * @returns the ids that changed: one that was paused or broken in between does not
   */
  async start(ids: string[]): Promise<string[]> {
    const rows = await this.sql.prepared<{ id: string }>(
      change(
        'started',
        `id = ANY(${unseen('$1', 'bigint[]')})`,
        `started_at = COALESCE(started_at, now()), wait_reason = NULL`,
      ),
      [bigints(ids), 'admitted'],
    );
    return rows.map((row) => row.id);
  }
}
