import type { Sql } from '../sql';

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
}
