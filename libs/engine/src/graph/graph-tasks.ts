import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@task-engine/domain';
import type { ClientRecord } from '@task-engine/database';
import type { CancelAnswer, CheckpointAnswer, CreateAnswer, RemoveAnswer, RetryAnswer, UpdateAnswer } from './answers';
import { CancelGraphTask, RetryGraphTask } from './cancel-graph-task';
import { ChangeGraphTask } from './change-graph-task';
import { KeepCheckpoint } from './checkpoints';
import { CreateGraphTasks } from './create-graph-tasks';
import { ReadGraphTasks } from './read-graph-tasks';
import type { GraphFilter, GraphLogLine, GraphTask, GraphTaskFields, GraphWait, NewGraphTask } from './views';

/** What clients do with graph tasks, for the API: one name each, the work is in the verbs. Ids are decimal numbers within bigint. */
@Injectable()
export class GraphTasks {
  constructor(
    private readonly createGraphTasks: CreateGraphTasks,
    private readonly readGraphTasks: ReadGraphTasks,
    private readonly changeGraphTask: ChangeGraphTask,
    private readonly cancelGraphTask: CancelGraphTask,
    private readonly retryGraphTask: RetryGraphTask,
    private readonly keepCheckpoint: KeepCheckpoint,
  ) {}

  create(client: ClientRecord, task: NewGraphTask): Promise<CreateAnswer> {
    return this.createGraphTasks.run(client, task);
  }

  find(client: ClientRecord, id: string): Promise<GraphTask | undefined> {
    return this.readGraphTasks.find(client, id);
  }

  /** Undefined when it is unknown or not pending. */
  wait(client: ClientRecord, id: string): Promise<GraphWait | undefined> {
    return this.readGraphTasks.wait(client, id);
  }

  list(client: ClientRecord, filter: GraphFilter): Promise<{ tasks: GraphTask[]; total: number }> {
    return this.readGraphTasks.list(client, filter);
  }

  update(client: ClientRecord, id: string, changes: Partial<GraphTaskFields>): Promise<UpdateAnswer> {
    return this.changeGraphTask.update(client, id, changes);
  }

  remove(client: ClientRecord, id: string): Promise<RemoveAnswer> {
    return this.changeGraphTask.remove(client, id);
  }

  cancel(client: ClientRecord, id: string): Promise<CancelAnswer> {
    return this.cancelGraphTask.run(client, id);
  }

  retry(client: ClientRecord, id: string): Promise<RetryAnswer> {
    return this.retryGraphTask.run(client, id);
  }

  /** Oldest first. Undefined when the task is unknown. */
  log(
    client: ClientRecord,
    id: string,
    options: { level?: GraphLogLine['level']; limit: number; offset: number },
  ): Promise<{ lines: GraphLogLine[]; total: number } | undefined> {
    return this.readGraphTasks.log(client, id, options);
  }

  /** @param by the task's client, or the token that its running command has got */
  checkpoint(
    by: { client: ClientRecord } | { token: string },
    id: string,
    data: JsonObject,
  ): Promise<CheckpointAnswer> {
    return this.keepCheckpoint.run(by, id, data);
  }
}
