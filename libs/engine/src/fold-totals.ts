import { Injectable } from '@nestjs/common';
import { Database, type Horizon, type Marks } from '@task-engine/database';

/** Jobs whose search texts are written in one transaction. */
const BATCH = 500;

/**
 * Keeps what readers would otherwise have to count or scan: the totals of /health, and the texts that GET /jobs?search= looks through.
 * One process at a time does it (the leader among the schedulers); a second one does no harm, and while none does it, readers get the same
 * answers more slowly.
 */
@Injectable()
export class FoldTotals {
  private awaited: Horizon | undefined;

  constructor(private readonly database: Database) {}

  /** Counts everything anew. Takes a second for a million jobs; nobody waits for it. */
  async recount(): Promise<void> {
    await this.database.transaction(async ({ totals }) => totals.recount(await totals.lock()));
  }

  /**
   * Moves the totals on to what was decided since the last call.
   * @returns up to which job all are known, for `writeSearch`; undefined while older writers are still at work
   */
  async fold(): Promise<string | undefined> {
    const settled = this.settle(await this.database.stores.totals.horizon());
    if (!settled) return undefined;
    await this.database.transaction(async ({ totals }) => {
      const marks = await totals.lock();
      const to = later(marks, settled);
      if (COUNTED.some((name) => to[name] !== marks[name])) await totals.fold(marks, to);
    });
    return settled.job_search;
  }

  /**
   * Writes the search texts of some jobs up to `through`.
   * @returns whether there are more
   */
  async writeSearch(through: string): Promise<boolean> {
    return this.database.transaction(async ({ totals }) => {
      const { job_search: mark } = await totals.lock();
      if (BigInt(mark) >= BigInt(through)) return false;
      return BigInt(await totals.writeSearch(mark, through, BATCH)) < BigInt(through);
    });
  }

  /** The ids of an earlier look whose writers are all over, or those of this one when nobody writes. */
  private settle(seen: Horizon): Marks | undefined {
    if (seen.writers.length === 0) {
      this.awaited = undefined;
      return seen.ids;
    }
    const awaited = this.awaited;
    if (awaited?.writers.some((writer) => seen.writers.includes(writer))) return undefined;
    this.awaited = seen;
    return awaited?.ids;
  }
}

const COUNTED = ['execution', 'job_transition', 'task'] as const;

/** The higher of each: marks never go back. */
function later(marks: Marks, settled: Marks): Marks {
  const highest = (name: keyof Marks) => (BigInt(settled[name]) > BigInt(marks[name]) ? settled[name] : marks[name]);
  return {
    execution: highest('execution'),
    job_search: marks.job_search,
    job_transition: highest('job_transition'),
    task: highest('task'),
  };
}
