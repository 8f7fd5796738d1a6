import { Injectable } from '@nestjs/common';
import { type ClientRecord, Database, type Slice } from '@task-engine/database';
import { shownPriority } from './shown-priority';
import type { EngineWorker, EngineWorkerDetails, GraphStatus, GraphTask } from '../graph/views';

/** The processes that run tasks, and what they run. Counted over all clients; the tasks that are named are the asking client's own. */
@Injectable()
export class EngineWorkers {
  constructor(private readonly database: Database) {}

  /** In the order in which they came. A worker that is gone is shown for an hour. */
  list({ status, ...slice }: Slice & { status?: EngineWorker['status'] }): Promise<{
    workers: EngineWorker[];
    total: number;
  }> {
    return this.database.stores.engineWorkers.list(status, slice);
  }

  /** @param id UUID */
  async find(client: ClientRecord, id: string): Promise<EngineWorkerDetails | undefined> {
    const found = await this.database.stores.engineWorkers.find(id, client.id);
    if (!found) return undefined;
    const { cpu, memory, disk, ...worker } = found;
    return { ...worker, resources: { cpu, memory, disk } };
  }

  /** Tasks whose last execution the worker had, the newest first; of those long ago not all. Undefined when there is no such worker. */
  async tasks(
    client: ClientRecord,
    id: string,
    { status, ...slice }: Slice & { status?: GraphStatus },
  ): Promise<
    { tasks: Pick<GraphTask, 'id' | 'name' | 'status' | 'startedAt' | 'priority'>[]; total: number } | undefined
  > {
    const found = await this.database.stores.engineWorkers.tasks(id, client.id, status, slice);
    if (!found) return undefined;
    return {
      tasks: found.tasks.map((task) => ({ ...task, priority: shownPriority(task.priority) })),
      total: found.total,
    };
  }
}
