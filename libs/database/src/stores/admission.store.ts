import type { WaitReason } from '@task-engine/domain';
import type { Sql } from '../sql';
import { change } from './job-change';

export interface QueuedJob {
  id: string;
  priority: number;
  clientId: number;
  waitReason: WaitReason | null;
}

/** Queued jobs and the slots of their lane: what admission looks at and does. The caller holds the lane's lock. */
export class AdmissionStore {
  constructor(private readonly sql: Sql) {}

  /** Jobs in dispatch order, at most `limit`: of clients without a cap from the lane's queue, of capped ones at most their room. */
  async queued(laneId: number, limit: number, rooms: { clientId: number; room: number }[]): Promise<QueuedJob[]> {
    return this.sql.query<QueuedJob>(
      `WITH capped AS (SELECT * FROM unnest($3::int[], $4::int[]) AS t (client_id, room)),
       open AS (
         SELECT id FROM job WHERE lane_id = $1 AND state = 'queued' AND client_id <> ALL($3::int[])
         ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT $2
       ), roomy AS (
         SELECT own.id FROM capped CROSS JOIN LATERAL (
           SELECT id FROM job WHERE lane_id = $1 AND state = 'queued' AND client_id = capped.client_id
           ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT LEAST(capped.room, $2)
         ) own
       )
       SELECT id, priority, client_id AS "clientId", wait_reason AS "waitReason" FROM job
       WHERE id IN (SELECT id FROM open UNION ALL SELECT id FROM roomy)
       ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT $2`,
      [laneId, limit, rooms.map((client) => client.clientId), rooms.map((client) => client.room)],
    );
  }

  /** Queued jobs to say a reason of: those without one, and the next in dispatch order. At most twice `limit`. */
  async waiting(laneId: number, limit: number): Promise<QueuedJob[]> {
    return this.sql.query<QueuedJob>(
      `WITH fresh AS (SELECT id FROM job WHERE lane_id = $1 AND state = 'queued' AND wait_reason IS NULL LIMIT $2),
       next AS (
         SELECT id FROM job WHERE lane_id = $1 AND state = 'queued'
         ORDER BY top_of_queue DESC, priority, position, created_at, id LIMIT $2
       )
       SELECT id, priority, client_id AS "clientId", wait_reason AS "waitReason" FROM job
       WHERE id IN (SELECT id FROM fresh UNION SELECT id FROM next)`,
      [laneId, limit],
    );
  }

  async occupancy(laneId: number, threshold: number): Promise<{ running: number; runningUnreserved: number }> {
    const [row] = await this.sql.query<{
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
    return this.sql.query(
      `SELECT c.id AS "clientId", c.max_running AS cap, count(j.id)::int AS running
       FROM client c LEFT JOIN job j ON j.client_id = c.id AND j.lane_id = $1 AND j.state = 'started'
       WHERE c.max_running IS NOT NULL GROUP BY c.id`,
      [laneId],
    );
  }

  /** queued -> started. The caller holds the lane's lock, which is what keeps the limits. Returns those that really started. */
  async start(ids: string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await this.sql.query<{ id: string }>(
      change('started', `id = ANY($1::bigint[])`, `started_at = COALESCE(started_at, now()), wait_reason = NULL`),
      [ids, 'admitted'],
    );
    return rows.map((row) => row.id);
  }

  async setWaitReasons(reasons: { id: string; reason: WaitReason }[]): Promise<void> {
    if (reasons.length === 0) return;
    await this.sql.query(
      `UPDATE job SET wait_reason = new.reason FROM unnest($1::bigint[], $2::text[]) AS new (id, reason)
       WHERE job.id = new.id AND job.state = 'queued'`,
      [reasons.map((entry) => entry.id), reasons.map((entry) => entry.reason)],
    );
  }
}
