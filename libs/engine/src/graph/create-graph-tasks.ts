import { Injectable } from '@nestjs/common';
import { Database, isUnavailable, type NewGraphTaskRow, type ClientRecord, type Stores } from '@task-engine/database';
import { AdmitJobs } from '../admit-jobs';
import { Batch } from '../batch';
import { HintSender, type Hints } from '../hints';
import { type Happened, WebhookEvents } from '../webhooks/webhook-events';
import type { CreateAnswer } from './answers';
import type { GraphParameters } from './graph-definition';
import { happened } from './graph-events';
import { type GraphLane, GraphLanes } from './graph-lanes';
import type { GraphTask, NewGraphTask } from './views';

/** Creations that arrive together and share a statement and a commit. */
const BATCH = 100;
/** A task with more dependencies than this is created alone: others do not wait for what it costs. */
const FEW = 100;
/** After a look that found no free slot left, or failed, tasks are left to the controllers for this long, in milliseconds. */
const FULL_MS = 250;

/** As the engine counts, where smaller comes first. Its own inverse. */
export function enginePriority(priority: number): number {
  return 11 - priority;
}

/** Each id once, in the order given. */
export function distinct(ids: string[]): string[] {
  return [...new Set(ids.map((id) => String(BigInt(id))))];
}

export function parametersOf(
  task: Pick<NewGraphTask, 'name' | 'command' | 'timeoutSeconds' | 'maxRetries' | 'checkpointEnabled'>,
): GraphParameters {
  const { name, command, timeoutSeconds, maxRetries, checkpointEnabled: checkpoint } = task;
  return { name, command, timeoutSeconds, maxRetries, checkpoint };
}

type Written = { id: string; state: string; at: Date } | { unknown: string[] };

/** Accepts graph tasks. Answers after COMMIT. */
@Injectable()
export class CreateGraphTasks {
  /** Those that may run at once, and those whose parents have to be locked before. */
  private readonly free: Batch<NewGraphTaskRow, Written>;
  private readonly dependent: Batch<NewGraphTaskRow, Written>;
  private readonly large: Batch<NewGraphTaskRow, Written>;
  /** Lanes that were full, and until when that is believed. */
  private readonly full = new Map<number, number>();

  constructor(
    private readonly database: Database,
    private readonly lanes: GraphLanes,
    private readonly admitJobs: AdmitJobs,
    private readonly webhookEvents: WebhookEvents,
    private readonly hints: HintSender,
  ) {
    this.free = new Batch((rows) => this.insertFree(rows), { size: BATCH, parallel: 1 });
    this.dependent = new Batch((rows) => this.insertDependent(rows), { size: BATCH, parallel: 2 });
    this.large = new Batch((rows) => this.insertDependent(rows), { size: 1, parallel: 1 });
  }

  async run(client: ClientRecord, task: NewGraphTask): Promise<CreateAnswer> {
    const lane = await this.lanes.of(task.workerTags);
    if (!lane) return { refused: 'too_many_worker_tags' };
    const dependencies = distinct(task.dependencies);
    const batch = dependencies.length === 0 ? this.free : dependencies.length <= FEW ? this.dependent : this.large;
    const written = await batch.add(rowOf(client, { ...task, dependencies }, lane));
    if ('unknown' in written) return { refused: 'unknown_dependency', ids: written.unknown };
    return { task: created(client, { ...task, dependencies }, written) };
  }

  private async insertFree(rows: NewGraphTaskRow[]): Promise<Written[]> {
    const queued = new Set(rows.filter(({ scheduledAt }) => !isAhead(scheduledAt)).map(({ laneId }) => laneId));
    const [laneId] = queued;
    const believedFull = laneId !== undefined && performance.now() < (this.full.get(laneId) ?? 0);
    if (laneId === undefined || queued.size > 1 || believedFull || (await this.listened(rows)))
      return this.insert(rows);
    try {
      const admitted = await this.admitJobs.along(laneId, (stores) => stores.graphTasks.insert(rows));
      if (admitted.decided && admitted.waiting) this.full.set(laneId, performance.now() + FULL_MS);
      const left = admitted.written.some(({ state }) => state === 'scheduled');
      await this.hints.send({ queued: admitted.waiting ? [laneId] : [], dueChanged: left });
      return admitted.written;
    } catch (error) {
      // Nothing is written. A task that has to wait is no reason to refuse another, so what was refused is seen below.
      if (isUnavailable(error)) throw error;
      this.full.set(laneId, performance.now() + FULL_MS);
      return this.insert(rows);
    }
  }

  private async insertDependent(rows: NewGraphTaskRow[]): Promise<Written[]> {
    const parentIds = [...new Set(rows.flatMap(({ dependencies }) => dependencies))];
    return this.insert(rows, async (stores) => {
      const [parents, ids] = await Promise.all([
        stores.graphTasks.lockParents(parentIds),
        stores.graphTasks.reserveIds(rows.length),
      ]);
      const byId = new Map(parents.map((parent) => [parent.id, parent]));
      return rows.map((row, index) => {
        const unknown = row.dependencies.filter((id) => byId.get(id)?.clientId !== row.clientId);
        if (unknown.length > 0) return { unknown };
        return { ...row, id: ids[index]!, unmet: row.dependencies.filter((id) => !byId.get(id)!.completed) };
      });
    });
  }

  /** @param prepare decides inside the transaction what is written and what refused */
  private async insert(
    rows: NewGraphTaskRow[],
    prepare: (stores: Stores) => Promise<(NewGraphTaskRow | { unknown: string[] })[]> = () => Promise.resolve(rows),
  ): Promise<Written[]> {
    const { written, hints } = await this.database.transaction(async (stores, commit) => {
      // whether somebody is to hear of it is asked in the same packet
      const [prepared, listening] = await Promise.all([prepare(stores), this.listened(rows, stores)]);
      const accepted = prepared.filter((row): row is NewGraphTaskRow => !('unknown' in row));
      const edges = accepted.flatMap(({ id, unmet }) => unmet.map((parentId) => ({ parentId, jobId: id! })));
      const writing = Promise.all([stores.graphTasks.insert(accepted), stores.graphTasks.addEdges(edges)]);
      const [tasks] = await (listening ? writing : commit(writing));
      const deliveries = listening
        ? await this.webhookEvents.deliver(
            stores,
            tasks.map(({ id }, index) => createdEvent({ ...accepted[index]!, id })),
          )
        : [];
      const queued = tasks.flatMap(({ state }, index) => (state === 'queued' ? [accepted[index]!.laneId] : []));
      const results = tasks.values();
      return {
        written: prepared.map((row): Written => ('unknown' in row ? row : results.next().value!)),
        hints: {
          queued,
          dueChanged: tasks.some(({ state }) => state === 'scheduled'),
          deliveries,
        } satisfies Partial<Hints>,
      };
    });
    await this.hints.send(hints);
    return written;
  }

  /** Whether somebody is to hear of it. */
  private async listened(rows: NewGraphTaskRow[], stores = this.database.stores): Promise<boolean> {
    const clients = [...new Set(rows.map(({ clientId }) => clientId))];
    return (await stores.webhooks.subscribers(clients, ['task.created'])).length > 0;
  }
}

/** What is written of a task that waits for nothing yet. */
export function rowOf(client: ClientRecord, task: NewGraphTask, { laneId, definition }: GraphLane): NewGraphTaskRow {
  return {
    ...task,
    laneId,
    clientId: client.id,
    workflow: definition.workflow,
    definitionDigest: definition.digest,
    parameters: { ...parametersOf(task) },
    priority: enginePriority(task.priority),
    unmet: [],
  };
}

function isAhead(at: Date | null): boolean {
  return at !== null && at.getTime() > Date.now();
}

function createdEvent(row: { id: string; clientId: number; name: string }): Happened {
  return happened('task.created', row, { status: 'pending' });
}

function created(client: ClientRecord, task: NewGraphTask, { id, at }: { id: string; at: Date }): GraphTask {
  return {
    ...task,
    id,
    clientId: client.id,
    status: 'pending',
    retryCount: 0,
    createdAt: at,
    updatedAt: at,
    startedAt: null,
    completedAt: null,
    workerId: null,
    result: null,
    error: null,
    checkpoint: null,
  };
}
