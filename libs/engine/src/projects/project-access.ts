import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import type { Access } from './views';

/** What workers may do in projects: asked for by the worker, granted by a manager. */
@Injectable()
export class ProjectAccess {
  constructor(private readonly database: Database) {}

  /** @returns false without such a project, and when the worker has access to it or has asked already */
  request(workerId: number, projectId: bigint, wanted: { assign: boolean; submit: boolean }): Promise<boolean> {
    return this.database.stores.projectAccess.request(workerId, projectId, wanted);
  }

  /** Granted ones first, then in the order of the workers' names. */
  list(projectId: bigint): Promise<Access[]> {
    return this.database.stores.projectAccess.ofProject(projectId);
  }

  /** Grants what was asked for; also when it was granted before. */
  accept(projectId: bigint, workerId: bigint): Promise<boolean> {
    return this.database.stores.projectAccess.accept(projectId, workerId);
  }

  /** Takes away what was asked for or granted. */
  reject(projectId: bigint, workerId: bigint): Promise<boolean> {
    return this.database.stores.projectAccess.reject(projectId, workerId);
  }

  /** Only who was granted to be given tasks may, not who has asked. */
  mayReadSecret(workerId: number, projectId: bigint): Promise<boolean> {
    return this.database.stores.projectAccess.mayAssign(projectId, workerId);
  }
}
