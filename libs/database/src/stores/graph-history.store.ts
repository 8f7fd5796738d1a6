import { bigints, type Sql, unseen } from '../sql';

/** Where tasks that no worker has taken count. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** What graph tasks leave behind when they end: numbers by hour and worker, and what webhooks were told. */
export class GraphHistoryStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Counts tasks that end now, for their hour and for the worker that had them last. In the transaction that ends them; their executions have
   * ended.
   */
  async count(ended: { id: string; completed: boolean }[]): Promise<void> {
    if (ended.length === 0) return;
    await this.sql.prepared(
      `WITH ended AS MATERIALIZED (
         SELECT n.completed, e.worker_id, e.seconds
         FROM unnest(${unseen('$1', 'bigint[]')}, $2::boolean[]) AS n (id, completed)
         LEFT JOIN LATERAL (
           SELECT worker_id, EXTRACT(EPOCH FROM finished_at - started_at)::float8 AS seconds FROM execution
           WHERE job_id = n.id AND started_at IS NOT NULL ORDER BY execution.id + 0 DESC LIMIT 1
         ) e ON true
       ), sums AS MATERIALIZED (
         SELECT COALESCE(worker_id, '${NOBODY}') AS worker_id, count(*) FILTER (WHERE completed) AS completed,
                count(*) FILTER (WHERE NOT completed) AS failed, COALESCE(sum(seconds) FILTER (WHERE completed), 0) AS run_seconds
         FROM ended GROUP BY 1
       ), hours AS (
         INSERT INTO graph_hour AS h (hour, worker_id, completed, failed, run_seconds)
         SELECT date_trunc('hour', statement_timestamp(), 'UTC'), worker_id, completed, failed, run_seconds FROM sums ORDER BY worker_id
         ON CONFLICT (hour, worker_id) DO UPDATE SET completed = h.completed + EXCLUDED.completed, failed = h.failed + EXCLUDED.failed,
           run_seconds = h.run_seconds + EXCLUDED.run_seconds
       ), workers AS MATERIALIZED (
         SELECT w.id FROM worker w JOIN sums ON sums.worker_id = w.id ORDER BY w.id FOR NO KEY UPDATE OF w
       )
       UPDATE worker w SET tasks_completed = w.tasks_completed + sums.completed, tasks_failed = w.tasks_failed + sums.failed
       FROM workers JOIN sums ON sums.worker_id = workers.id WHERE w.id = workers.id`,
      [bigints(ended.map(({ id }) => id)), ended.map(({ completed }) => completed)],
    );
  }

  /** When a worker took each of these tasks (null: nobody has), and the time of this transaction, in which they end. */
  async times(ids: string[]): Promise<Map<string, { startedAt: Date | null; at: Date }>> {
    const rows = await this.sql.prepared<{ id: string; startedAt: Date | null; at: Date }>(
      `SELECT job_id AS id, started_at AS "startedAt", now() AS at FROM task WHERE job_id = ANY(${unseen('$1', 'bigint[]')}) AND ordinal = 0`,
      [bigints(ids)],
    );
    return new Map(rows.map(({ id, ...times }) => [id, times]));
  }

  async forgetHours(days: number): Promise<void> {
    await this.sql.query(`DELETE FROM graph_hour WHERE hour < now() - make_interval(days => $1)`, [days]);
  }

  /** Deletes deliveries to webhooks that are over for so long, up to `limit`. They outlive the jobs that they tell of. */
  async forgetEvents(days: number, limit: number): Promise<number> {
    const rows = await this.sql.query(
      `DELETE FROM delivery WHERE id = ANY(ARRAY(
         SELECT id FROM delivery WHERE webhook_id IS NOT NULL AND finished_at IS NOT NULL AND finished_at < now() - make_interval(days => $1)
         ORDER BY finished_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)) RETURNING id`,
      [days, limit],
    );
    return rows.length;
  }
}
