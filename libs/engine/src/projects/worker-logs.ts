import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import type { WorkerLogLine } from './views';

/** Characters that are kept; the rest of a longer text is cut off. */
const SCOPE_LENGTH = 1_000;
const MESSAGE_LENGTH = 16_384;
/** Lines in one answer. */
const LINES = 1_000;

/** What workers write of their work. */
@Injectable()
export class WorkerLogs {
  constructor(private readonly database: Database) {}

  write(line: WorkerLogLine): Promise<void> {
    const { scope, message } = line;
    return this.database.stores.workerLogs.insert({
      ...line,
      scope: scope.slice(0, SCOPE_LENGTH).toWellFormed(),
      message: message.slice(0, MESSAGE_LENGTH).toWellFormed(),
    });
  }

  /** Lines of this level with a later time, the newest first; the newest 1,000 of them. */
  since(since: bigint, level: bigint): Promise<WorkerLogLine[]> {
    return this.database.stores.workerLogs.since(since, level, LINES);
  }
}
