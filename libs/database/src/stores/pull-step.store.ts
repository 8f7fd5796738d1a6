import { bigints, type Sql } from '../sql';

/** Pull tasks that steps of workflows wait for. */
export class PullStepStore {
  constructor(private readonly sql: Sql) {}

  /** Open tasks whose steps are over or gone: nobody waits for them. */
  async orphans(limit: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `SELECT t.job_id AS id FROM pull_task t LEFT JOIN task s ON s.id = t.step_id
       WHERE t.step_id IS NOT NULL AND t.state = 'open' AND (s.id IS NULL OR s.state IN ('completed', 'failed', 'skipped')) LIMIT $1`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  /** What became of tasks that steps of workflows wait for; those that are gone are not among them. */
  async ofSteps(
    stepIds: string[],
  ): Promise<{ stepId: string; id: string; state: 'open' | 'failed' | 'closed'; error: string | null }[]> {
    return this.sql.query(
      `SELECT t.step_id AS "stepId", t.job_id AS id, t.state, j.error FROM pull_task t JOIN job j ON j.id = t.job_id WHERE t.step_id = ANY($1::bigint[])`,
      [bigints(stepIds)],
    );
  }
}
