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
  /** By task, each task's in order. */
  private readonly waiting = new Map<string, LogLine[]>();
  private count = 0;
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
    const taskId = line.taskId ?? '0';
    const lines = this.waiting.get(taskId) ?? [];
    if (lines.length === 0) this.waiting.set(taskId, lines);
    lines.push({ ...line, at: line.at ?? new Date() });
    this.count += 1;
    if (this.count > LIMIT) this.dropOldest();
    this.timer ??= setTimeout(() => void this.flush(), DELAY_MS);
  }

  /** Takes back the lines of one task that are not written yet, for its report to carry. */
  take(taskId: string): LogLine[] {
    const lines = this.waiting.get(taskId) ?? [];
    this.waiting.delete(taskId);
    this.count -= lines.length;
    return lines;
  }

  /** Resolves when everything added so far is written or was tried. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writing.then(() => this.write());
    await this.writing;
  }

  private async write(): Promise<void> {
    while (this.count > 0) {
      const lines = this.next();
      try {
        await this.database.stores.jobLog.append(lines);
      } catch (error) {
        this.log.warn({ err: error, lines: lines.length }, 'job log lines wait for PostgreSQL');
        this.putBack(lines);
        this.timer ??= setTimeout(() => void this.flush(), 1_000);
        return;
      }
    }
  }

  private next(): LogLine[] {
    const batch: LogLine[] = [];
    for (const [taskId, lines] of this.waiting) {
      batch.push(...lines.splice(0, BATCH - batch.length));
      if (lines.length === 0) this.waiting.delete(taskId);
      if (batch.length >= BATCH) break;
    }
    this.count -= batch.length;
    return batch;
  }

  private putBack(lines: LogLine[]): void {
    for (const line of lines.toReversed()) {
      const taskId = line.taskId ?? '0';
      const rest = this.waiting.get(taskId);
      if (rest) rest.unshift(line);
      else this.waiting.set(taskId, [line]);
    }
    this.count += lines.length;
  }

  private dropOldest(): void {
    const [taskId, lines] = this.waiting.entries().next().value!;
    lines.shift();
    this.count -= 1;
    if (lines.length === 0) this.waiting.delete(taskId);
  }
}
