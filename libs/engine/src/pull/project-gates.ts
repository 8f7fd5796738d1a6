import { Injectable } from '@nestjs/common';
import { Database, type ProjectGate } from '@task-engine/database';
import { Batch } from '../batch';

/** Workers asked about in one statement. */
const BATCH = 100;
const MAX_ID = 2_147_483_647n;

/** What workers may do in projects: those who ask together share a statement. */
@Injectable()
export class ProjectGates {
  private readonly looks: Batch<{ projectId: number; workerId: number }, ProjectGate | undefined>;

  constructor(database: Database) {
    this.looks = new Batch((asked) => database.stores.projectLimits.gates(asked), { size: BATCH, parallel: 2 });
  }

  /** Undefined when there is no such project. */
  async find(projectId: bigint, workerId: number): Promise<ProjectGate | undefined> {
    return mayBeId(projectId) ? this.looks.add({ projectId: Number(projectId), workerId }) : undefined;
  }
}

/** Whether a project may have this id. */
export function mayBeId(value: bigint): boolean {
  return value > 0n && value <= MAX_ID;
}
