import { Injectable } from '@nestjs/common';
import { Database, type Lease } from '@task-engine/database';

/** Renews leases. */
@Injectable()
export class HeartbeatExecutions {
  constructor(private readonly database: Database) {}

  /** @returns ids of the executions still held; the worker must stop the others at once */
  async run(leases: Lease[], leaseSeconds: number): Promise<Set<string>> {
    return new Set(await this.database.stores.executions.heartbeat(leases, leaseSeconds));
  }
}
