import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { RunCause } from '@task-engine/domain';
import { type Commit, later as goesOn, type Stores } from '@task-engine/database';
import { DEFAULT_PRIORITY } from '@task-engine/workflows';
import { DefinitionCache } from '../definition-cache';
import { RUN_DEFINITION } from './run-definition';

/** A run to be, of a command that the caller has locked or just written. */
export interface PlannedRun {
  /** A promise: its statement is on its way. */
  commandId: string | Promise<string>;
  clientId: number;
  laneId: number;
  image: string;
  command: string;
  cause: RunCause;
  /** When it starts; null: at once. */
  dueAt: Date | null;
  requestedFrom: string | null;
}

export interface InsertedRun {
  uuid: string;
  jobId: string;
  laneId: number;
  /** It waits for its time. */
  later: boolean;
}

/** Writes runs with the jobs that they are to the engine. */
@Injectable()
export class RunJobs {
  constructor(private readonly definitions: DefinitionCache) {}

  /** Before the first transaction of those who make commands run: the row that jobs of runs name as their definition is there. */
  async ready(): Promise<void> {
    await this.definitions.keep(RUN_DEFINITION);
  }

  /**
   * In a transaction of the caller, who sends the hints after COMMIT. In the order given.
   * @param commit ends the transaction with it
   */
  async insert(stores: Stores, runs: PlannedRun[], commit: Commit = goesOn): Promise<InsertedRun[]> {
    const now = new Date();
    const inserted = runs.map((run) => ({ ...run, uuid: randomUUID(), later: run.dueAt !== null && run.dueAt > now }));
    const inserting = stores.jobs.insert(
      inserted.map(({ laneId, clientId, later, dueAt, cause }) => ({
        laneId,
        clientId,
        workflow: RUN_DEFINITION.workflow,
        definitionDigest: RUN_DEFINITION.digest,
        submitted: {},
        parameters: {},
        priority: DEFAULT_PRIORITY,
        state: later ? 'scheduled' : 'queued',
        waitReason: later ? (cause === 'retry' ? 'Backoff' : 'RunAt') : null,
        runAt: dueAt,
        semaphoreUrl: null,
        persist: false,
        log: [],
      })),
    );
    const [ids, commandIds] = await Promise.all([
      inserting,
      Promise.all(runs.map(({ commandId }) => Promise.resolve(commandId))),
    ]);
    await commit(
      stores.runs.insert(inserted.map((run, index) => ({ ...run, commandId: commandIds[index]!, jobId: ids[index]! }))),
    );
    return inserted.map(({ uuid, laneId, later }, index) => ({ uuid, jobId: ids[index]!, laneId, later }));
  }
}
