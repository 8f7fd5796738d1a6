import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { ReleasePullTasks } from './release-pull-tasks';

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

  /** Removes what workers have logged longer ago. */
  async forgetLogs(days: number): Promise<void> {
    await this.database.stores.workerLogs.forget(days);
  }

  /** Counts what each project has. @param seconds between two counts: one that was made meanwhile is enough */
  async snapshot(seconds: number): Promise<void> {
    await this.database.stores.projectMonitor.snapshot(seconds);
    await this.database.stores.projectMonitor.forget(HISTORY_SECONDS);
  }
}
