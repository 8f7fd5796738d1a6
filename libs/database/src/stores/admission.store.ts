import { bigints, type Sql, unindexed } from '../sql';
import { change } from './job-change';
import { JOB_COLUMNS, type JobRecord } from './job.store';

export interface QueuedJob {
  id: string;
  priority: number;
  clientId: number;
  topOfQueue: boolean;
}

const QUEUED_JOB = `id, priority, client_id AS "clientId", top_of_queue AS "topOfQueue"`;

/** Queued jobs and the slots of their lane: what admission looks at and does. The caller holds the lane's lock. */
export class AdmissionStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Jobs in dispatch order, at most `limit`: of clients without a cap from the lane's queue, of capped ones at most their room.
   * @param upTo only those of this priority number or below that are not on top of the queue
   */
  async queued(
    laneId: number,
    limit: number,
    rooms: { clientId: number; room: number }[],
    upTo?: number,
  ): Promise<QueuedJob[]> {
    const waiting = `lane_id = $1 AND state = 'queued'${upTo === undefined ? '' : ` AND NOT top_of_queue AND priority <= ${Number(upTo)}`}`;
    return this.sql.prepared<QueuedJob>(
      `WITH capped AS (SELECT * FROM unnest($3::int[], $4::int[]) AS t (client_id, room)),
       open AS (
         SELECT id FROM job WHERE ${waiting} AND client_id <> ALL($3::int[])
         ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT $2
       ), roomy AS (
         SELECT own.id FROM capped CROSS JOIN LATERAL (
           SELECT id FROM job WHERE ${waiting} AND client_id = capped.client_id
           ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT LEAST(capped.room, $2)
         ) own
       )
       SELECT ${QUEUED_JOB} FROM job
       WHERE id IN (SELECT id FROM open UNION ALL SELECT id FROM roomy)
       ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT $2`,
      [laneId, limit, rooms.map((client) => client.clientId), rooms.map((client) => client.room)],
    );
  }

  /** Those of the jobs that are queued. */
  async find(ids: string[]): Promise<QueuedJob[]> {
    return this.sql.query<QueuedJob>(
      `SELECT ${QUEUED_JOB} FROM job WHERE id = ANY($1::bigint[]) AND ${unindexed(`state = 'queued'`)}`,
      [bigints(ids)],
    );
  }

  async occupancy(laneId: number, threshold: number): Promise<{ running: number; runningUnreserved: number }> {
    const [row] = await this.sql.prepared<{
      running: number;
      runningUnreserved: number;
    }>(
      `SELECT count(*)::int AS running, (count(*) FILTER (WHERE priority > $2))::int AS "runningUnreserved"
       FROM job WHERE lane_id = $1 AND state = 'started'`,
      [laneId, threshold],
    );
    return row!;
  }

  /** Started jobs of the clients that have a cap. */
  async cappedClients(laneId: number): Promise<{ clientId: number; cap: number; running: number }[]> {
    return this.sql.prepared(
      `SELECT c.id AS "clientId", c.max_running AS cap, count(j.id)::int AS running
       FROM client c LEFT JOIN job j ON j.client_id = c.id AND j.lane_id = $1 AND j.state = 'started'
       WHERE c.max_running IS NOT NULL GROUP BY c.id`,
      [laneId],
    );
  }

  /**
   * queued -> started. The caller holds the lane's lock, which is what keeps the limits. Returns those that really started, in the given
   * order; `startedAt` is that of an earlier start, null for a job that starts for the first time.
   */
  async start(ids: string[]): Promise<JobRecord[]> {
    if (ids.length === 0) return [];
    const rows = await this.sql.prepared<JobRecord>(
      change(
        'started',
        `id = ANY($1::bigint[])`,
        `started_at = COALESCE(started_at, now()), wait_reason = NULL`,
        // the statement does not see its own update: the row of before
        `SELECT ${JOB_COLUMNS} FROM changed JOIN job j USING (id) JOIN client c ON c.id = j.client_id`,
      ),
      [bigints(ids), 'admitted'],
    );
    const started = new Map(rows.map((row) => [row.id, { ...row, state: 'started' as const, waitReason: null }]));
    return ids.flatMap((id) => started.get(id) ?? []);
  }
}
