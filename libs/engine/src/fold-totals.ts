import { Injectable } from '@nestjs/common';
import { Database, type Horizon, type Marks } from '@task-engine/database';

/** Rows of each table that one transaction folds: some 0.3 s, far from the limit of a statement, however long nobody has folded. */
const FOLD = 50_000;
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
   * Moves the totals on to what was decided since the last call, or a part of the way when that is much.
   * @returns through: up to which job all are known, for `writeSearch`; undefined while older writers are still at work.
   * behind: there is more to fold
   */
  async fold(): Promise<{ through?: string; behind: boolean }> {
    const settled = this.settle(await this.database.stores.totals.horizon());
    if (!settled) return { behind: false };
    const behind = await this.database.transaction(async ({ totals }) => {
      const marks = await totals.lock();
      const to = step(marks, settled);
      if (COUNTED.some((name) => to[name] !== marks[name])) await totals.fold(marks, to);
      return COUNTED.some((name) => BigInt(to[name]) < BigInt(settled[name]));
    });
    return { through: settled.job_search, behind };
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

/** Where one transaction moves the marks to: never back, and not too far. */
function step(marks: Marks, settled: Marks): Marks {
  const next = (name: keyof Marks) => {
    const [from, to] = [BigInt(marks[name]), BigInt(settled[name])];
    if (to <= from) return marks[name];
    return to - from > FOLD ? String(from + BigInt(FOLD)) : settled[name];
  };
  return {
    execution: next('execution'),
    job_search: marks.job_search,
    job_transition: next('job_transition'),
    task: next('task'),
  };
}
