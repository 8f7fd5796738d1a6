import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import type { WorkerLogLine } from './views';

/** Lines in one answer. */
const LINES = 1_000;

/** What workers write of their work. */
@Injectable()
export class WorkerLogs {
  constructor(private readonly database: Database) {}

  write(line: WorkerLogLine): Promise<void> {
    return this.database.stores.workerLogs.insert(line);
  }

  /** Lines of this level with a later time, the newest first; the newest 1,000 of them. */
  since(since: bigint, level: bigint): Promise<WorkerLogLine[]> {
    return this.database.stores.workerLogs.since(since, level, LINES);
  }
}
