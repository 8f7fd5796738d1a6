import { Injectable } from '@nestjs/common';
import { WatchWorkers } from '@task-engine/engine';
import { Log } from '@task-engine/platform';

/** Between two looks, in milliseconds: how late a worker that is gone is told of. */
const EVERY_MS = 1_000;
/** After so long without a look PostgreSQL was away, or this process: nobody could be heard. In milliseconds. */
const DEAF_MS = 5_000;
/** Then workers get this long to be heard again, in milliseconds: one beat and something. */
const GRACE_MS = 4_000;

/** The leader's eye on the workers, apart from what else it does: neither waits for the other. */
@Injectable()
export class WorkerWatch {
  private leading = false;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();
  /** By this process's monotonic clock. */
  private heardAt = -Infinity;
  private tellsFrom = 0;

  constructor(
    private readonly watchWorkers: WatchWorkers,
    private readonly log: Log,
  ) {}

  start(): void {
    this.leading = true;
    this.again(0);
  }

  async stop(): Promise<void> {
    this.leading = false;
    clearTimeout(this.timer);
    await this.round;
  }

  private again(milliseconds: number): void {
    if (!this.leading) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.round = this.look().then(() => this.again(EVERY_MS));
    }, milliseconds);
  }

  private async look(): Promise<void> {
    const now = performance.now();
    if (now - this.heardAt > DEAF_MS) this.tellsFrom = now + GRACE_MS;
    try {
      const gone = await this.watchWorkers.run(now >= this.tellsFrom);
      if (gone > 0) this.log.info({ gone }, 'workers are gone');
      this.heardAt = now;
    } catch (error) {
      this.log.warn({ err: error }, 'workers could not be looked after, the next look tries again');
    }
  }
}
