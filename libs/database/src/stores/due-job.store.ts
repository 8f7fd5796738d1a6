import type { Sql } from '../sql';
import { change } from './job-change';

/** Scheduled jobs: their due times and semaphores. */
export class DueJobStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Sets the due time (a past one becomes now) and, unless undefined, the semaphore of a job that waits. A queued job goes back to
   * scheduled when it has to wait again; a paused one keeps its state. False when the job's state does not allow it.
   */
  async reschedule(id: string, due: { runAt?: Date; semaphoreUrl?: string | null }): Promise<boolean> {
    const rows = await this.sql.query(
      `WITH before AS (SELECT id, state FROM job WHERE id = $1 AND state IN ('scheduled', 'queued', 'paused') FOR NO KEY UPDATE),
       new AS (
         SELECT j.id, before.state AS from_state, GREATEST(COALESCE($2::timestamptz, j.run_at), CASE WHEN $2 IS NULL THEN j.run_at ELSE now() END) AS run_at,
                CASE WHEN $3 THEN $4::text ELSE j.semaphore_url END AS semaphore_url
         FROM job j JOIN before USING (id)
       ), changed AS (
         UPDATE job SET run_at = new.run_at, semaphore_url = new.semaphore_url, semaphore_tries = 0,
                semaphore_next_at = CASE WHEN new.semaphore_url IS NOT NULL THEN now() END,
                state = CASE WHEN new.from_state = 'queued' AND (new.run_at > now() OR new.semaphore_url IS NOT NULL) THEN 'scheduled' ELSE new.from_state END,
                wait_reason = CASE WHEN new.from_state = 'paused' THEN 'JobPaused' WHEN new.run_at > now() THEN 'RunAt'
                                   WHEN new.semaphore_url IS NOT NULL THEN 'Semaphore'
                                   WHEN new.from_state = 'scheduled' THEN 'RunAt' ELSE job.wait_reason END,
                updated_at = now()
         FROM new WHERE job.id = new.id AND job.state = new.from_state
         RETURNING job.id, new.from_state, job.state AS to_state
       ), moved AS (
         INSERT INTO job_transition (job_id, from_state, to_state, reason)
         SELECT id, from_state, to_state, 'rescheduled by its client' FROM changed WHERE from_state <> to_state
       ) SELECT id FROM changed`,
      [id, due.runAt ?? null, due.semaphoreUrl !== undefined, due.semaphoreUrl ?? null],
    );
    return rows.length === 1;
  }

  /**
   * scheduled -> queued for due jobs without a semaphore, oldest due time first. Several callers share the work (SKIP LOCKED).
   * @param held a lane whose jobs are not released at present
   */
  async releaseDue(limit: number, held?: number): Promise<{ id: string; lateSeconds: number; laneId: number }[]> {
    const due = `id IN (SELECT id FROM job WHERE state = 'scheduled' AND GREATEST(run_at, semaphore_next_at) <= statement_timestamp()
      AND semaphore_url IS NULL AND lane_id IS DISTINCT FROM $3 ORDER BY GREATEST(run_at, semaphore_next_at) LIMIT $1
      FOR NO KEY UPDATE SKIP LOCKED)`;
    return this.sql.prepared(change('queued', due, `wait_reason = NULL`), [limit, 'run_at has come', held ?? null]);
  }

  /**
   * Takes due semaphores for probing and moves their next time on by `holdSeconds`, so a probe that is lost is repeated.
   */
  async takeDueSemaphores(limit: number, holdSeconds: number): Promise<string[]> {
    const rows = await this.sql.prepared<{ id: string }>(
      `UPDATE job SET semaphore_next_at = clock_timestamp() + make_interval(secs => $2), wait_reason = 'Semaphore'
       WHERE id IN (SELECT id FROM job WHERE state = 'scheduled' AND GREATEST(run_at, semaphore_next_at) <= statement_timestamp()
                    AND semaphore_url IS NOT NULL ORDER BY GREATEST(run_at, semaphore_next_at) LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
       RETURNING id`,
      [limit, holdSeconds],
    );
    return rows.map((row) => row.id);
  }

  /** The semaphore of a job that still waits for it. */
  async semaphore(id: string): Promise<{ url: string; tries: number } | undefined> {
    const rows = await this.sql.query<{ url: string; tries: number }>(
      `SELECT semaphore_url AS url, semaphore_tries AS tries FROM job
       WHERE id = $1 AND state = 'scheduled' AND semaphore_url IS NOT NULL AND run_at <= statement_timestamp()`,
      [id],
    );
    return rows[0];
  }

  /** The semaphore said yes: scheduled -> queued, if the URL probed is still the job's. */
  async openSemaphore(id: string, url: string): Promise<boolean> {
    const rows = await this.sql.query(
      // without a next time it has been answered: a job that is paused later need not ask again
      change(
        'queued',
        `id = $1 AND semaphore_url = $3 AND run_at <= statement_timestamp()`,
        `wait_reason = NULL, semaphore_next_at = NULL`,
      ),
      [id, 'semaphore answered yes', url],
    );
    return rows.length === 1;
  }

  async closeSemaphore(id: string, url: string, delaySeconds: number): Promise<void> {
    await this.sql.query(
      `UPDATE job SET semaphore_tries = semaphore_tries + 1, semaphore_next_at = clock_timestamp() + make_interval(secs => $3)
       WHERE id = $1 AND state = 'scheduled' AND semaphore_url = $2`,
      [id, url, delaySeconds],
    );
  }

  /** The earliest time at which a scheduled job wants attention, and the database's clock. @param held a lane that is not looked at */
  async nextDue(held?: number): Promise<{ at: Date | null; now: Date }> {
    const [row] = await this.sql.prepared<{ at: Date | null; now: Date }>(
      `SELECT (SELECT GREATEST(run_at, semaphore_next_at) FROM job WHERE state = 'scheduled' AND lane_id IS DISTINCT FROM $1
               ORDER BY GREATEST(run_at, semaphore_next_at) LIMIT 1) AS at, clock_timestamp() AS now`,
      [held ?? null],
    );
    return row!;
  }
}
