import { Injectable } from '@nestjs/common';
import { DomainError, type Json } from '@task-engine/domain';
import { type ClientRecord, Database, type Stores } from '@task-engine/database';
import { digestOf } from '@task-engine/workflows';
import { HintSender, type Hints } from '../hints';
import { WebhookEvents } from '../webhooks/webhook-events';
import type { CreateAnswer } from './answers';
import { distinct, rowOf } from './create-graph-tasks';
import { happened } from './graph-events';
import { type GraphLane, GraphLanes } from './graph-lanes';
import { viewOf } from './read-graph-tasks';
import type { NewGraphTask } from './views';

/** Another request took the key first; what this one wrote has been rolled back. */
class KeyTaken extends Error {}

/**
 * Accepts a graph task that names an Idempotency-Key, as SubmitOnce does a job: however often it is sent, one task comes of it. Apart from
 * CreateGraphTasks: tasks without a key are written many at a time, and pay nothing for this.
 */
@Injectable()
export class CreateGraphTaskOnce {
  constructor(
    private readonly database: Database,
    private readonly lanes: GraphLanes,
    private readonly webhookEvents: WebhookEvents,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param once a key of the client, and what must be the same at a repeat
   * @returns at a repeat the task as it is by then
   * @throws DomainError key_reused when the key came with another request before, illegal_transition when its task is deleted
   */
  async run(client: ClientRecord, task: NewGraphTask, once: { key: string; request: Json }): Promise<CreateAnswer> {
    const given = { key: once.key, fingerprint: digestOf(once.request) };
    const earlier = await this.earlier(client, given);
    if (earlier) return earlier;
    const lane = await this.lanes.of(task.workerTags);
    if (!lane) return { refused: 'too_many_worker_tags' };
    try {
      const { answer, hints } = await this.database.transaction((stores) =>
        this.write(stores, client, task, lane, given),
      );
      await this.hints.send(hints);
      return answer;
    } catch (error) {
      if (!(error instanceof KeyTaken)) throw error;
      const winner = await this.earlier(client, given);
      if (!winner) throw new DomainError('unavailable', 'The Idempotency-Key was just removed', { cause: error });
      return winner;
    }
  }

  private async write(
    stores: Stores,
    client: ClientRecord,
    task: NewGraphTask,
    lane: GraphLane,
    { key, fingerprint }: { key: string; fingerprint: string },
  ): Promise<{ answer: CreateAnswer; hints: Partial<Hints> }> {
    const dependencies = distinct(task.dependencies);
    const parents = await stores.graphTasks.lockParents(dependencies);
    const own = new Map(parents.filter(({ clientId }) => clientId === client.id).map((parent) => [parent.id, parent]));
    const unknown = dependencies.filter((id) => !own.has(id));
    if (unknown.length > 0) return { answer: { refused: 'unknown_dependency', ids: unknown }, hints: {} };
    const unmet = dependencies.filter((id) => !own.get(id)!.completed);
    const row = { ...rowOf(client, { ...task, dependencies }, lane), unmet };
    const [inserted] = await stores.graphTasks.insert([row]);
    const { id, state } = inserted!;
    await stores.graphTasks.addEdges(unmet.map((parentId) => ({ parentId, jobId: id })));
    const view = viewOf((await stores.graphLists.find(id))!);
    const deliveries = await this.webhookEvents.deliver(stores, [happened('task.created', view, view)]);
    // The key comes last: whoever waits for it waits for a COMMIT only.
    if (!(await stores.idempotencyKeys.keep(client.id, key, { jobId: id, fingerprint }))) throw new KeyTaken();
    const queued = state === 'queued' ? [lane.laneId] : [];
    return { answer: { task: view }, hints: { queued, dueChanged: state === 'scheduled', deliveries } };
  }

  private async earlier(
    client: ClientRecord,
    { key, fingerprint }: { key: string; fingerprint: string },
  ): Promise<CreateAnswer | undefined> {
    const { idempotencyKeys, graphLists } = this.database.stores;
    const kept = await idempotencyKeys.find(client.id, key);
    if (!kept) return undefined;
    if (kept.fingerprint !== fingerprint)
      throw new DomainError('key_reused', 'This Idempotency-Key was used for another request');
    const task = await graphLists.find(kept.jobId, client.id);
    if (!task) throw new DomainError('illegal_transition', 'The task that this Idempotency-Key made is deleted');
    return { task: viewOf(task) };
  }
}
