import { Injectable } from '@nestjs/common';
import { Database, type LogLine } from '@task-engine/database';
import { Log, Shutdown } from '@task-engine/platform';

/** Lines wait this long for others, in milliseconds: what a reader of a running job's log may lag. */
const DELAY_MS = 200;
const BATCH = 500;
/** Lines kept while PostgreSQL cannot take them; the oldest go first beyond it. */
const LIMIT = 50_000;

/** Writes job log lines of running tasks in batches, in order. */
@Injectable()
export class JobLogWriter {
  private readonly waiting: LogLine[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly log: Log,
    shutdown: Shutdown,
  ) {
    shutdown.onFlush('job log', () => this.flush());
  }

  add(line: LogLine): void {
    this.waiting.push({ ...line, at: line.at ?? new Date() });
    if (this.waiting.length > LIMIT) this.waiting.splice(0, this.waiting.length - LIMIT);
    this.timer ??= setTimeout(() => void this.flush(), DELAY_MS);
  }

  /** Takes back the lines of one task that are not written yet, for its report to carry. */
  take(taskId: string): LogLine[] {
    const own = this.waiting.filter((line) => line.taskId === taskId);
    if (own.length > 0)
      this.waiting.splice(0, this.waiting.length, ...this.waiting.filter((line) => line.taskId !== taskId));
    return own;
  }

  /** Resolves when everything added so far is written or was tried. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writing.then(() => this.write());
    await this.writing;
  }

  private async write(): Promise<void> {
    while (this.waiting.length > 0) {
      const lines = this.waiting.splice(0, BATCH);
      try {
        await this.database.stores.jobLog.append(lines);
      } catch (error) {
        this.log.warn({ err: error, lines: lines.length }, 'job log lines wait for PostgreSQL');
        this.waiting.unshift(...lines);
        this.timer ??= setTimeout(() => void this.flush(), 1_000);
        return;
      }
    }
  }
}
