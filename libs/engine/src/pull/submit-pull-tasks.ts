import { Injectable } from '@nestjs/common';
import { Database, type NewPullTaskRow, type ProjectGate, type Stores } from '@task-engine/database';
import { Batch } from '../batch';
import { DefinitionCache } from '../definition-cache';
import { PROJECT_CLIENT } from '../projects/views';
import { ProjectGates } from './project-gates';
import { PULL_DEFINITION } from './pull-definition';

/** A task as a worker submits it. */
export interface NewPullTask {
  /** What its worker is to do. Free text. */
  recipe: string;
  /** A task that fails this often, or once, is tried no further. 0 to 32767. */
  maxRetries: number;
  /** Larger ones are taken first. -32768 to 32767. */
  priority: number;
  /** For how many seconds a worker may have it; 0: until the next reclaim. */
  maxAssignSeconds: bigint;
  /** Of the open and failed tasks of a project no two have the same; null: it is not looked at. */
  hash: bigint | null;
  /** How many workers have to come to the same result. */
  verifications: number;
}

export type SubmitRefusal =
  | { refused: 'unknown_project' | 'unauthorized' }
  | { refused: 'rate'; delaySeconds: number }
  | { refused: 'duplicate_hash' | 'out_of_range'; index: number };

/** Submissions that arrive together and share a statement and a commit. */
const BATCH = 100;
/** Tasks of one statement of a bulk. */
const BULK_PART = 5_000;
/** What upstream answers for what never comes, in seconds (reference/task-tracker.md 2.7). */
const NEVER_SECONDS = 9_223_372_036.854776;
const MAX_INTEGER = 2_147_483_647n;

class Duplicate extends Error {
  constructor(readonly index: number) {
    super('duplicate hash');
  }
}

/** As the engine counts, where smaller comes first. Its own inverse. */
export function enginePriority(priority: number): number {
  return -1 - priority;
}

/** Accepts tasks for a project: all or none. Answers after COMMIT. */
@Injectable()
export class SubmitPullTasks {
  private readonly inserts: Batch<NewPullTaskRow, string | null>;
  private clientId: Promise<number> | undefined;

  constructor(
    private readonly database: Database,
    private readonly definitions: DefinitionCache,
    private readonly gates: ProjectGates,
  ) {
    // a transaction, which is tried again when it was in the way of another
    this.inserts = new Batch((rows) => database.transaction((stores) => stores.pullTasks.insert(rows)), {
      size: BATCH,
      parallel: 2,
    });
  }

  /** The checks come in upstream's order: project, rate, permission, values. */
  async run(
    worker: { id: number },
    projectId: bigint,
    tasks: NewPullTask[],
  ): Promise<{ ids: string[] } | SubmitRefusal> {
    const gate = await this.gates.find(projectId, worker.id);
    if (!gate) return { refused: 'unknown_project' };
    const delaySeconds = await this.wait(gate, tasks.length);
    if (delaySeconds > 0) return { refused: 'rate', delaySeconds };
    if (!gate.maySubmit) return { refused: 'unauthorized' };
    const outOfRange = tasks.findIndex((task) => !isInteger(task.maxAssignSeconds));
    if (outOfRange >= 0) return { refused: 'out_of_range', index: outOfRange };
    const rows = await this.rows(gate, tasks, null);
    if (rows.length > 1) return this.bulk(rows);
    const id = await this.inserts.add(rows[0]!);
    return id === null ? { refused: 'duplicate_hash', index: 0 } : { ids: [id] };
  }

  /** The rows to be, for callers that write them in a transaction of their own. */
  async rows(project: { id: number; laneId: number }, tasks: NewPullTask[], stepId: string | null) {
    await this.definitions.keep(PULL_DEFINITION);
    this.clientId ??= this.database.stores.clients.ensure(PROJECT_CLIENT).then(({ id }) => id);
    // a fault is no answer: the next one asks again
    this.clientId.catch(() => (this.clientId = undefined));
    const clientId = await this.clientId;
    return tasks.map((task): NewPullTaskRow => ({
      projectId: project.id,
      laneId: project.laneId,
      clientId,
      workflow: PULL_DEFINITION.workflow,
      definitionDigest: PULL_DEFINITION.digest,
      priority: enginePriority(task.priority),
      hash: task.hash,
      recipe: task.recipe,
      maxAssignSeconds: Number(task.maxAssignSeconds),
      maxRetries: task.maxRetries,
      verifications: task.verifications,
      stepId,
    }));
  }

  private async bulk(rows: NewPullTaskRow[]): Promise<{ ids: string[] } | SubmitRefusal> {
    try {
      const ids = await this.database.transaction((stores) => this.parts(stores, rows));
      return { ids };
    } catch (error) {
      if (error instanceof Duplicate) return { refused: 'duplicate_hash', index: error.index };
      throw error;
    }
  }

  /** By their hashes over all parts: two bulks with the same ones wait for each other in one order only. */
  private async parts(stores: Stores, rows: NewPullTaskRow[]): Promise<string[]> {
    const order = rows.map((_, index) => index);
    if (rows.length > BULK_PART) order.sort((a, b) => compare(rows[a]!.hash, rows[b]!.hash) || a - b);
    const ids: string[] = [];
    let duplicate: number | undefined;
    for (let from = 0; from < order.length; from += BULK_PART) {
      const part = order.slice(from, from + BULK_PART);
      const inserted = await stores.pullTasks.insert(part.map((index) => rows[index]!));
      part.forEach((index, n) => {
        if (inserted[n] === null) duplicate = Math.min(index, duplicate ?? index);
        else ids[index] = inserted[n]!;
      });
      if (duplicate !== undefined) throw new Duplicate(duplicate);
    }
    return ids;
  }

  /** Seconds until the project's rate allows so many; 0 takes the token. */
  private async wait({ id, submitRate }: ProjectGate, count: number): Promise<number> {
    if (submitRate === null) return 0;
    // a bucket holds one token: more at one time never comes
    if (submitRate <= 0 || count > 1) return NEVER_SECONDS;
    return this.database.stores.projectLimits.takeToken(id, 'submit');
  }
}

/** Whether the schema can hold it. */
function isInteger(value: bigint): boolean {
  return value >= -MAX_INTEGER - 1n && value <= MAX_INTEGER;
}

/** Those without a hash last, as PostgreSQL has them. */
function compare(a: bigint | null, b: bigint | null): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? 1 : -1;
  return a < b ? -1 : 1;
}
