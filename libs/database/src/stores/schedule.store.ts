import type { Sql } from '../sql';

export interface ScheduleRecord {
  name: string;
  class: string;
  everySeconds: number;
  firstInSeconds: number;
  queue: string;
  description: string;
  active: boolean;
  nextAt: Date;
}

const COLUMNS = `name, class, every_seconds AS "everySeconds", first_in_seconds AS "firstInSeconds", queue, description, active,
  next_at AS "nextAt"`;

export class ScheduleStore {
  constructor(private readonly sql: Sql) {}

  async list(): Promise<ScheduleRecord[]> {
    return this.sql.query<ScheduleRecord>(`SELECT ${COLUMNS} FROM schedule ORDER BY name`);
  }

  /** Switches a schedule; one that becomes active fires `first_in_seconds` later. False for an unknown name. */
  async switch(name: string, active: boolean): Promise<boolean> {
    const rows = await this.sql.query(
      `UPDATE schedule SET active = $2, updated_at = now(),
              next_at = CASE WHEN $2 AND NOT active THEN now() + make_interval(secs => first_in_seconds) ELSE next_at END
       WHERE name = $1 RETURNING name`,
      [name, active],
    );
    return rows.length === 1;
  }

  /** Sets the interval and re-arms: the next tick is at most one new interval away. */
  async setInterval(name: string, seconds: number): Promise<void> {
    await this.sql.query(
      `UPDATE schedule SET every_seconds = $2::int, next_at = LEAST(next_at, now() + make_interval(secs => $2::int)), updated_at = now()
       WHERE name = $1`,
      [name, seconds],
    );
  }

  /**
   * Fires what is due: writes the tick (unique per schedule and due time) and moves the next due time past now. Ticks that were
   * missed while nobody led are not replayed one by one (a release works through everything that is due anyway).
   */
  async fireDue(): Promise<{ name: string; everySeconds: number; dueAt: Date }[]> {
    return this.sql.query(
      `WITH due AS (
         SELECT name, next_at, every_seconds FROM schedule WHERE active AND next_at <= statement_timestamp() FOR NO KEY UPDATE SKIP LOCKED
       ), fired AS (
         INSERT INTO schedule_tick (schedule_name, due_at) SELECT name, next_at FROM due ON CONFLICT DO NOTHING RETURNING schedule_name
       ), moved AS (
         UPDATE schedule s SET next_at = due.next_at + make_interval(secs => due.every_seconds *
                (1 + floor(EXTRACT(EPOCH FROM clock_timestamp() - due.next_at) / due.every_seconds)))
         FROM due WHERE s.name = due.name
       )
       SELECT due.name, due.every_seconds AS "everySeconds", due.next_at AS "dueAt" FROM due JOIN fired ON fired.schedule_name = due.name`,
    );
  }

  async nextDue(): Promise<Date | null> {
    const [row] = await this.sql.query<{ at: Date | null }>(`SELECT min(next_at) AS at FROM schedule WHERE active`);
    return row?.at ?? null;
  }

  /** Forgets ticks older than `days`. */
  async deleteTicks(days: number): Promise<void> {
    await this.sql.query(`DELETE FROM schedule_tick WHERE fired_at < now() - make_interval(days => $1)`, [days]);
  }
}
