import { Injectable } from '@nestjs/common';
import { Database, type Stores } from '@task-engine/database';
import type { ResolvedDefinition } from '@task-engine/workflows';

/** Definitions kept in memory; a thousand are some megabytes and more than an installation has alive at one time. */
const SIZE = 1_000;

/** Resolved definitions by digest. They never change, so a copy in memory is never stale. */
@Injectable()
export class DefinitionCache {
  private readonly known = new Map<string, ResolvedDefinition>();

  constructor(private readonly database: Database) {}

  /** Makes sure the definition is stored before a job names it. */
  async keep(definition: ResolvedDefinition): Promise<void> {
    if (this.known.has(definition.digest)) return;
    await this.database.stores.definitions.keep(definition.digest, definition.workflow, definition);
    this.remember(definition);
  }

  /** @param stores of the running transaction, so that reading takes no second connection */
  async get(digests: string[], stores: Stores): Promise<Map<string, ResolvedDefinition>> {
    const missing = [...new Set(digests)].filter((digest) => !this.known.has(digest));
    if (missing.length > 0) {
      const rows = await stores.definitions.find(missing);
      for (const row of rows) this.remember(row.body as unknown as ResolvedDefinition);
    }
    return new Map(digests.map((digest) => [digest, this.known.get(digest)!]));
  }

  private remember(definition: ResolvedDefinition): void {
    if (this.known.size >= SIZE) this.known.delete(this.known.keys().next().value!);
    this.known.set(definition.digest, definition);
  }
}
