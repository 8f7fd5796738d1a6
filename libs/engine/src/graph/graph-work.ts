import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@task-engine/domain';
import { Database, type Lease } from '@task-engine/database';
import { keyOf } from './checkpoints';

const TOKEN_PREFIX = 'tet_';
const TOKEN_BYTES = 24;

/** What the worker that runs a graph task needs beside its lease. */
@Injectable()
export class GraphWork {
  constructor(private readonly database: Database) {}

  /**
   * At the start of each try of a task that may have checkpoints: a new token for its command, with which those of earlier tries are
   * stale, and the checkpoint that they have left. Undefined when the lease is stale.
   */
  async begin(lease: Lease, jobId: string): Promise<{ checkpoint: JsonObject | null; token: string } | undefined> {
    const token = `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
    const begun = await this.database.stores.graphTasks.begin(lease, jobId, keyOf(token));
    return begun && { ...begun, token };
  }
}
