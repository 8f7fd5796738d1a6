import type { LaneLimits } from '@task-engine/domain';
import type { Sql } from '../sql';

export interface LaneRecord extends LaneLimits {
  id: number;
  name: string;
  retryLimit: number;
  retryDelaySeconds: number;
}

/** Columns of lane that a setting of the Task Engine API names. */
export const LANE_SETTINGS = {
  max_jobs: 'max_running',
  priority_slots: 'reserved_slots',
  priority_threshold: 'reserved_threshold',
  retry_limit: 'retry_limit',
  retry_delay: 'retry_delay_seconds',
} as const;

const COLUMNS = `id, name, max_running AS "maxRunning", reserved_slots AS "reservedSlots", reserved_threshold AS "reservedThreshold",
  paused, retry_limit AS "retryLimit", retry_delay_seconds AS "retryDelaySeconds"`;

const LOCK = `SELECT ${COLUMNS} FROM lane WHERE id = $1 FOR NO KEY UPDATE`;

export class LaneStore {
  constructor(private readonly sql: Sql) {}

  async findByName(name: string): Promise<LaneRecord | undefined> {
    const rows = await this.sql.query<LaneRecord>(`SELECT ${COLUMNS} FROM lane WHERE name = $1`, [name]);
    return rows[0];
  }

  /** Lanes in which a job waits for a slot; where workers pull, it waits for them. OFFSET 0 keeps it one look into the index for each lane; as a join it would read all that wait. */
  async withQueuedJobs(): Promise<number[]> {
    const rows = await this.sql.query<{ id: number }>(
      `SELECT id FROM lane WHERE NOT pulled AND EXISTS (SELECT FROM job WHERE job.lane_id = lane.id AND job.state = 'queued' OFFSET 0)`,
    );
    return rows.map((row) => row.id);
  }

  /**
   * Locks the lane until the end of the transaction. Whoever moves a job to `started` holds this lock, and so does whoever changes
   * a limit: that, not a counter, is what makes limits hold with several controllers. (NO KEY UPDATE, here and in all stores: FOR UPDATE would
   * also block inserts that refer to the row.)
   */
  async lock(id: number): Promise<LaneRecord | undefined> {
    return (await this.sql.prepared<LaneRecord>(LOCK, [id]))[0];
  }

  /** The same, but undefined at once while somebody else holds the lock. */
  async tryLock(id: number): Promise<LaneRecord | undefined> {
    return (await this.sql.prepared<LaneRecord>(`${LOCK} SKIP LOCKED`, [id]))[0];
  }

  async changeSetting(name: string, setting: keyof typeof LANE_SETTINGS, value: number): Promise<void> {
    await this.sql.query(`UPDATE lane SET ${LANE_SETTINGS[setting]} = $2, updated_at = now() WHERE name = $1`, [
      name,
      value,
    ]);
  }

  /** The lane, made when it is new, with this limit. Under its lock, as every change of a limit. */
  async ensure(name: string, maxRunning: number): Promise<{ id: number; changed: boolean }> {
    await this.sql.query(`INSERT INTO lane (name, max_running) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, [
      name,
      maxRunning,
    ]);
    const changed = await this.sql.query(
      `UPDATE lane SET max_running = $2, updated_at = now() WHERE name = $1 AND max_running <> $2 RETURNING id`,
      [name, maxRunning],
    );
    return { id: (await this.findByName(name))!.id, changed: changed.length > 0 };
  }

  async setPaused(name: string, paused: boolean): Promise<boolean> {
    const rows = await this.sql.query(`UPDATE lane SET paused = $2, updated_at = now() WHERE name = $1 RETURNING id`, [
      name,
      paused,
    ]);
    return rows.length === 1;
  }
}
