import { Injectable } from '@nestjs/common';
import { Database, type ProjectSnapshot } from '@task-engine/database';
import { mayBeId } from './project-gates';

/** How projects do. */
@Injectable()
export class ProjectMonitor {
  constructor(private readonly database: Database) {}

  /** The newest first. None of an unknown project. */
  async snapshots(projectId: bigint, count: number): Promise<ProjectSnapshot[]> {
    return mayBeId(projectId) ? this.database.stores.projectMonitor.newest(Number(projectId), count) : [];
  }

  /** Both ends included, the newest first. */
  async between(projectId: bigint, from: Date, to: Date): Promise<ProjectSnapshot[]> {
    return mayBeId(projectId) ? this.database.stores.projectMonitor.between(Number(projectId), from, to) : [];
  }

  /** Tasks that are not closed by the alias of who has them; null: nobody. */
  async assignees(projectId: bigint): Promise<{ assignee: string | null; tasks: number }[]> {
    return mayBeId(projectId) ? this.database.stores.projectMonitor.assignees(Number(projectId)) : [];
  }
}
