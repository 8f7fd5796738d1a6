import { Injectable } from '@nestjs/common';
import { type ClientRecord, Database, type GraphTaskRecord, type Stores } from '@task-engine/database';
import { HintSender, type Hints } from '../hints';
import type { RemoveAnswer, UpdateAnswer } from './answers';
import { distinct, enginePriority, parametersOf } from './create-graph-tasks';
import { type GraphLane, GraphLanes } from './graph-lanes';
import { viewOf } from './read-graph-tasks';
import type { GraphTaskFields } from './views';

/** Tasks named in a refusal at most. */
const NAMED = 100;

type Refusal<Answer> = Extract<Answer, { refused: string }>;

/** Undoes what a change has done so far. */
class Refused<Answer> extends Error {
  constructor(readonly answer: Refusal<Answer>) {
    super('refused');
  }
}

/**
 * Changes and removes graph tasks. Both take what waits for a worker out of its queue first: none takes it from then on. Locks go from
 * parents to children, as the end of a task takes them.
 */
@Injectable()
export class ChangeGraphTask {
  constructor(
    private readonly database: Database,
    private readonly lanes: GraphLanes,
    private readonly hints: HintSender,
  ) {}

  async update(client: ClientRecord, id: string, changes: Partial<GraphTaskFields>): Promise<UpdateAnswer> {
    const before = await this.database.stores.graphLists.find(id, client.id);
    if (!before) return { refused: 'not_found' };
    if (before.status !== 'pending') return { refused: 'not_pending', status: before.status };
    // A new lane is made in a transaction of its own, under a lock that admission holds while it waits for jobs: never inside the one below.
    if (!(await this.lanes.of(changes.workerTags ?? before.workerTags))) return { refused: 'too_many_worker_tags' };
    return this.refusable<UpdateAnswer>(async (stores) => {
      const dependencies = changes.dependencies && distinct(changes.dependencies);
      const unmet = dependencies && (await this.lockParents(stores, client, id, dependencies));
      const task = await this.hold(stores, client, id);
      if (!task) throw new Refused<UpdateAnswer>({ refused: 'not_found' });
      if (task.status !== 'pending') throw new Refused<UpdateAnswer>({ refused: 'not_pending', status: task.status });
      if (dependencies) await this.checkDependencies(stores, id, dependencies, unmet!.unknown);
      // known from above; tags that have changed since have a lane too
      const lane = (await this.lanes.of(changes.workerTags ?? task.workerTags))!;
      if (unmet) await stores.graphTasks.replaceEdges(id, unmet.open);
      const hints = await this.write(stores, task, { ...changes, ...(dependencies && { dependencies }) }, lane);
      return { answer: { task: viewOf((await stores.graphLists.find(id))!) }, hints };
    });
  }

  async remove(client: ClientRecord, id: string): Promise<RemoveAnswer> {
    if (!(await this.database.stores.graphLists.find(id, client.id))) return { refused: 'not_found' };
    return this.refusable<RemoveAnswer>(async (stores) => {
      await stores.graphTasks.lockParentsOf(id);
      const task = await this.hold(stores, client, id);
      if (!task) throw new Refused<RemoveAnswer>({ refused: 'not_found' });
      if (task.status === 'running') throw new Refused<RemoveAnswer>({ refused: 'running' });
      const waiting = await stores.graphLists.waitingFor(id, NAMED);
      if (waiting.length > 0) throw new Refused<RemoveAnswer>({ refused: 'needed', ids: waiting });
      await stores.totals.forget([id], await stores.totals.lock());
      await stores.jobs.delete([id]);
      return { answer: { removed: true }, hints: task.jobState === 'started' ? { freed: [task.laneId] } : {} };
    });
  }

  /** The task as it stands, from now on; undefined when it is not the client's any more. */
  private async hold(stores: Stores, client: ClientRecord, id: string): Promise<GraphTaskRecord | undefined> {
    if (!(await stores.graphTasks.hold(id, client.id))) return undefined;
    const [, task] = await Promise.all([stores.executions.park(id), stores.graphLists.find(id, client.id)]);
    return task;
  }

  /** One client's changes of dependencies come one after the other: two together could close a circle of which neither sees the whole. */
  private async lockParents(stores: Stores, client: ClientRecord, id: string, dependencies: string[]) {
    await stores.graphTasks.lockClient(client.id);
    const before = (await stores.graphLists.find(id))?.dependencies ?? [];
    const wanted = dependencies.filter((parent) => parent !== id);
    const parents = await stores.graphTasks.lockParents([...new Set([...before, ...wanted])]);
    const own = new Map(parents.filter(({ clientId }) => clientId === client.id).map((parent) => [parent.id, parent]));
    const gone = wanted.filter((parent) => !own.has(parent));
    const waitedFor = gone.length === 0 ? [] : (await stores.graphLists.blockers(id)).map((blocker) => blocker.id);
    return {
      // what it does not wait for any more had completed before it was deleted
      unknown: gone.filter((parent) => !before.includes(parent) || waitedFor.includes(parent)),
      open: wanted.filter((parent) => own.get(parent)?.completed === false),
    };
  }

  private async checkDependencies(
    stores: Stores,
    id: string,
    dependencies: string[],
    unknown: string[],
  ): Promise<void> {
    if (dependencies.includes(id)) throw new Refused<UpdateAnswer>({ refused: 'self_dependency' });
    if (unknown.length > 0) throw new Refused<UpdateAnswer>({ refused: 'unknown_dependency', ids: unknown });
    const circle = await stores.graphLists.among(dependencies, id);
    if (circle.length > 0) throw new Refused<UpdateAnswer>({ refused: 'cycle', ids: circle });
  }

  private async write(
    stores: Stores,
    task: GraphTaskRecord,
    changes: Partial<GraphTaskFields>,
    lane: GraphLane,
  ): Promise<Partial<Hints>> {
    const changed = { ...viewOf(task), ...definedOf(changes) };
    await stores.graphTasks.change({
      ...changed,
      laneId: lane.laneId,
      queue: lane.queue,
      definitionDigest: lane.definition.digest,
      parameters: { ...parametersOf(changed) },
      priority: enginePriority(changed.priority),
      reschedule: changes.scheduledAt !== undefined,
    });
    const moved = await stores.graphTasks.settle(task.id, lane.laneId !== task.laneId);
    const executions = moved?.after === 'started' ? await stores.executions.unpark([task.id]) : [];
    return {
      executions,
      queued: moved?.after === 'queued' ? [lane.laneId] : [],
      freed: moved?.before === 'started' && moved.after !== 'started' ? [task.laneId] : [],
      dueChanged: moved?.after === 'scheduled',
    };
  }

  private async refusable<Answer>(
    work: (stores: Stores) => Promise<{ answer: Answer; hints: Partial<Hints> }>,
  ): Promise<Answer> {
    try {
      const { answer, hints } = await this.database.transaction(work);
      await this.hints.send(hints);
      return answer;
    } catch (error) {
      if (error instanceof Refused) return (error as Refused<Answer>).answer;
      throw error;
    }
  }
}

function definedOf(changes: Partial<GraphTaskFields>): Partial<GraphTaskFields> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
