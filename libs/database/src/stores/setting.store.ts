import type { Sql } from '../sql';

/** Settings that a caller invented. What the engine itself reads are columns of lane and schedule. */
export class SettingStore {
  constructor(private readonly sql: Sql) {}

  async put(name: string, value: string): Promise<void> {
    await this.sql.query(
      `INSERT INTO setting (name, value) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value, updated_at = now()`,
      [name, value],
    );
  }
}
