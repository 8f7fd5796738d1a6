import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { mayBeId } from './project-gates';
import { ReleasePullTasks } from './release-pull-tasks';

/** Tasks that one transaction changes, so that nobody waits long for it. */
const PART = 5_000;

/** What managers do with the tasks of a whole project. */
@Injectable()
export class ResetPullTasks {
  constructor(
    private readonly database: Database,
    private readonly releasePullTasks: ReleasePullTasks,
  ) {}

  /** Failed tasks are tried again, their retries counted anew. @returns how many */
  async resetFailed(projectId: bigint): Promise<number> {
    return this.inParts(projectId, async (id) =>
      this.database.transaction(async (stores) => {
        const failed = await stores.pullTasks.lockSome(id, 'failed', PART);
        if (failed.length > 0) {
          await stores.totals.reopen(failed, await stores.totals.lock());
          await stores.pullTasks.reopen(failed);
        }
        return failed.length;
      }),
    );
  }

  /** Takes all tasks from their workers. @returns how many tasks are open, those that nobody had included, as upstream counts */
  async reclaimAssigned(projectId: bigint): Promise<number> {
    await this.inParts(projectId, async (id) =>
      this.database.transaction(async (stores) => {
        const held = await stores.pullTasks.lockSome(id, 'held', PART);
        if (held.length > 0) await this.releasePullTasks.takeBack(stores, held);
        return held.length;
      }),
    );
    return mayBeId(projectId) ? this.database.stores.pullTasks.countOpen(Number(projectId)) : 0;
  }

  /** Removes all tasks of the project that are not closed. @returns how many */
  async hardReset(projectId: bigint): Promise<number> {
    return this.inParts(projectId, async (id) =>
      this.database.transaction(async (stores) => {
        const ids = await stores.pullTasks.lockSome(id, 'any', PART);
        if (ids.length > 0) {
          await stores.totals.forget(ids, await stores.totals.lock());
          await stores.jobs.delete(ids);
        }
        return ids.length;
      }),
    );
  }

  /** Until there are no more; what comes meanwhile is not waited for. */
  private async inParts(projectId: bigint, part: (projectId: number) => Promise<number>): Promise<number> {
    if (!mayBeId(projectId)) return 0;
    let total = 0;
    for (;;) {
      const count = await part(Number(projectId));
      total += count;
      if (count < PART) return total;
    }
  }
}
