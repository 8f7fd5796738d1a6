import type { JsonObject } from '@task-engine/domain';
import type { Sql } from '../sql';

/** Resolved workflow definitions, stored once by their digest. A job keeps the one it was accepted with. */
export class DefinitionStore {
  constructor(private readonly sql: Sql) {}

  async keep(digest: string, workflow: string, body: object): Promise<void> {
    await this.sql.query(
      `INSERT INTO definition (digest, workflow, body) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING`,
      [digest, workflow, JSON.stringify(body)],
    );
  }

  async find(digests: string[]): Promise<{ digest: string; body: JsonObject }[]> {
    return this.sql.query(`SELECT digest, body FROM definition WHERE digest = ANY($1::text[])`, [digests]);
  }
}
