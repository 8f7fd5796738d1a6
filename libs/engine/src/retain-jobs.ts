import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';

const BATCH = 500;
/** Ticks are kept this long, in days: the record that each due time fired once. */
const TICK_DAYS = 7;

/** Deletes finished jobs and all that belongs to them after `days`, unless they are marked `persist`. */
@Injectable()
export class RetainJobs {
  constructor(private readonly database: Database) {}

  /** @returns number of jobs deleted */
  async run(days: number): Promise<number> {
    const { jobs, schedules, workers } = this.database.stores;
    let total = 0;
    for (;;) {
      const deleted = await jobs.deleteFinished(days, BATCH);
      total += deleted.length;
      if (deleted.length < BATCH) break;
    }
    await schedules.deleteTicks(TICK_DAYS);
    await workers.deleteSilent();
    return total;
  }
}
