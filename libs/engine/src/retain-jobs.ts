import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';

const BATCH = 500;
/** Ticks are kept this long, in days: the record that each due time fired once. */
const TICK_DAYS = 7;
/** Idempotency-Keys are kept at least this long, in hours: field practice, longer than anybody repeats a request. */
const KEY_HOURS = 24;
/** The numbers of graph tasks by hour are kept so long, in days: the longest span that is shown of them, and some more. */
const HOUR_DAYS = 400;

/** Deletes finished jobs and all that belongs to them after `days`, unless they are marked `persist`; and what only serves for a while. */
@Injectable()
export class RetainJobs {
  constructor(private readonly database: Database) {}

  /** @returns number of jobs deleted */
  async run(days: number): Promise<number> {
    const { graphHistory, idempotencyKeys, schedules, workers } = this.database.stores;
    let total = 0;
    for (;;) {
      const deleted = await this.database.transaction(async (stores) => {
        const ids = await stores.jobs.lockFinished(days, BATCH);
        if (ids.length > 0) {
          await stores.totals.forget(ids, await stores.totals.lock());
          await stores.jobs.delete(ids);
        }
        return ids;
      });
      total += deleted.length;
      if (deleted.length < BATCH) break;
    }
    while ((await idempotencyKeys.deleteOld(KEY_HOURS, BATCH)) === BATCH);
    while ((await graphHistory.forgetEvents(days, BATCH)) === BATCH);
    await graphHistory.forgetHours(HOUR_DAYS);
    await schedules.deleteTicks(TICK_DAYS);
    await workers.deleteSilent();
    return total;
  }
}
