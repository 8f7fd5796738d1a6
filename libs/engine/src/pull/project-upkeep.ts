import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { ReleasePullTasks } from './release-pull-tasks';

/** Lines of logs removed in one statement. */
const LOG_BATCH = 5_000;
/** Tasks taken from their workers in one transaction. */
const BATCH = 200;
/** For how long snapshots are kept, in seconds: 400 hours (reference/task-tracker.md 3). */
const HISTORY_SECONDS = 1_440_000;

/** What projects need from time to time. */
@Injectable()
export class ProjectUpkeep {
  constructor(
    private readonly database: Database,
    private readonly releasePullTasks: ReleasePullTasks,
  ) {}

  /** Takes tasks from workers that have had them for longer than they may. @returns how many */
  async reclaim(): Promise<number> {
    let total = 0;
    for (;;) {
      const late = await this.database.stores.pullTasks.late(BATCH);
      const lapsed = late.length > 0 ? await this.releasePullTasks.lapse(late) : 0;
      total += lapsed;
      if (late.length < BATCH || lapsed === 0) return total;
    }
  }

  /** Removes tasks that no step waits for any more: it was stopped while nobody could tell its worker. */
  async removeOrphans(): Promise<void> {
    const orphans = await this.database.stores.pullSteps.orphans(BATCH);
    if (orphans.length === 0) return;
    await this.database.transaction(async (stores) => {
      await stores.pullTasks.lock(orphans);
      const still = new Set(await stores.pullSteps.orphans(BATCH));
      const gone = orphans.filter((id) => still.has(id));
      await stores.totals.forget(gone, await stores.totals.lock());
      await stores.jobs.delete(gone);
    });
  }

  /** Removes what workers have logged longer ago. */
  async forgetLogs(days: number): Promise<void> {
    while ((await this.database.stores.workerLogs.forget(days, LOG_BATCH)) === LOG_BATCH);
  }

  /** Counts what each project has. @param seconds between two counts: one that was made meanwhile is enough */
  async snapshot(seconds: number): Promise<void> {
    await this.database.stores.projectMonitor.snapshot(seconds);
    await this.database.stores.projectMonitor.forget(HISTORY_SECONDS);
  }
}
