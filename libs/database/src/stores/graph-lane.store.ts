import type { Sql } from '../sql';
import { WORKER_SILENCE_SECONDS } from './worker.store';

/** Lane of graph tasks that any worker may run; those with worker tags have lanes of their own behind a slash. */
export const GRAPH_LANE = 'task-scheduler';

/** Lanes of graph tasks. */
export class GraphLaneStore {
  constructor(private readonly sql: Sql) {}

  /** Ids by name. */
  async all(): Promise<{ id: number; name: string }[]> {
    return this.sql.query(`SELECT id, name FROM lane WHERE name = $1 OR starts_with(name, $2) ORDER BY id`, [
      GRAPH_LANE,
      `${GRAPH_LANE}/`,
    ]);
  }

  /** A lane with the limit that the one without tags has. The caller holds that one's lock. */
  async add(name: string): Promise<number> {
    const [row] = await this.sql.query<{ id: number }>(
      `INSERT INTO lane (name, max_running) SELECT $1, max_running FROM lane WHERE name = $2 RETURNING id`,
      [name, GRAPH_LANE],
    );
    return row!.id;
  }

  /** Sees to it that each lane lets as many run as the workers that are there have slots for its queue. @returns lanes that were raised */
  async widen(): Promise<number[]> {
    const rows = await this.sql.query<{ id: number }>(
      `UPDATE lane SET max_running = served.slots, updated_at = now()
       FROM (
         SELECT q.queue, sum(q.slots)::int AS slots FROM worker_queue q JOIN worker w ON w.id = q.worker_id
         WHERE w.stopped_at IS NULL AND w.last_seen_at > statement_timestamp() - make_interval(secs => ${WORKER_SILENCE_SECONDS})
         GROUP BY q.queue
       ) served
       WHERE (lane.name = $1::text OR starts_with(lane.name, $2)) AND 'shell' || substr(lane.name, length($1) + 1) = served.queue
         AND lane.max_running < served.slots
       RETURNING lane.id`,
      [GRAPH_LANE, `${GRAPH_LANE}/`],
    );
    return rows.map(({ id }) => id);
  }
}
