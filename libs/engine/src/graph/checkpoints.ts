import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@task-engine/domain';
import { type ClientRecord, Database } from '@task-engine/database';
import type { CheckpointAnswer } from './answers';
import { viewOf } from './read-graph-tasks';

/** Of a try's token only this is stored. */
export function keyOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** Keeps what a running task has to go on from should it be tried again. */
@Injectable()
export class KeepCheckpoint {
  constructor(private readonly database: Database) {}

  /** @param by the task's client, or the token that its running command has got */
  async run(by: { client: ClientRecord } | { token: string }, id: string, data: JsonObject): Promise<CheckpointAnswer> {
    const { graphLists, graphTasks } = this.database.stores;
    const clientId = 'token' in by ? undefined : by.client.id;
    const key = 'token' in by ? keyOf(by.token) : undefined;
    const kept = await graphTasks.keepCheckpoint(key ? { key } : { clientId: clientId! }, id, data);
    const task = await graphLists.find(id, clientId);
    if (!task) return { refused: 'not_found' };
    if (kept) return { task: viewOf(task) };
    if (!task.checkpointEnabled) return { refused: 'not_enabled' };
    if (key && !(await graphTasks.hasKey(id, key))) return { refused: 'stale_token' };
    return { refused: 'not_running', status: task.status };
  }
}
