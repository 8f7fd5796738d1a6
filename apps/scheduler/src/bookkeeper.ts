import { Injectable } from '@nestjs/common';
import { FoldTotals } from '@task-engine/engine';
import { Log } from '@task-engine/platform';

/** Between two looks: what /health and a search have to go through row by row is as old as this at most, and some more while jobs pour in. */
const PAUSE_MS = 1_000;
/** Search texts are written in the background: for each millisecond of it the process rests this many. */
const REST = 9;
const RECOUNT_MS = 24 * 3_600_000;

/** What the leader does beside keeping time: moves the totals on and writes the search texts, never in the way of a due time. */
@Injectable()
export class Bookkeeper {
  private leading = false;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();
  private recountedAt: number | undefined;

  constructor(
    private readonly foldTotals: FoldTotals,
    private readonly log: Log,
  ) {}

  start(): void {
    this.leading = true;
    // a new leader cannot know what happened before
    this.recountedAt = undefined;
    this.after(0);
  }

  async stop(): Promise<void> {
    this.leading = false;
    clearTimeout(this.timer);
    await this.round;
  }

  private after(milliseconds: number): void {
    if (!this.leading) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.round = this.keepBooks().then((pause) => this.after(pause));
    }, milliseconds);
  }

  /** @returns milliseconds until the next round */
  private async keepBooks(): Promise<number> {
    try {
      const { through, behind } = await this.foldTotals.fold();
      if (behind) return 0;
      if (through === undefined) return PAUSE_MS;
      // after folding: what lies behind the marks is counted row by row
      if (this.recountedAt === undefined || Date.now() - this.recountedAt > RECOUNT_MS) {
        // Beforehand: should it take longer than a statement may, the folded numbers are as good, and it is tried again tomorrow.
        this.recountedAt = Date.now();
        await this.foldTotals.recount();
      }
      const began = Date.now();
      const more = await this.foldTotals.writeSearch(through);
      const rest = (Date.now() - began) * REST;
      return more ? rest : Math.max(PAUSE_MS, rest);
    } catch (error) {
      this.log.error({ err: error }, 'totals and search texts could not be moved on, they are tried again');
      return PAUSE_MS;
    }
  }
}
