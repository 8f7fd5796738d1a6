import { Injectable } from '@nestjs/common';
import type { Stores } from '@task-engine/database';
import type { Hints } from '../hints';
import type { JobView } from '../job-events';
import { WebhookEvents } from '../webhooks/webhook-events';
import { isGraphTask } from './graph-definition';
import { happenedTo } from './graph-events';

/** Hints that the end of graph tasks leaves, for after COMMIT. */
export type EndedGraphTasks = Pick<Hints, 'deliveries' | 'queued' | 'dueChanged'>;

/** Ends graph tasks with their jobs, and lets those go on that waited for them. */
@Injectable()
export class EndGraphTasks {
  constructor(private readonly webhookEvents: WebhookEvents) {}

  /** In the transaction that finishes the jobs, of which those that are no graph tasks are left alone. */
  async of(stores: Stores, views: JobView[]): Promise<EndedGraphTasks> {
    const ended = views.filter(({ definition }) => isGraphTask(definition));
    if (ended.length === 0) return { deliveries: [], queued: [], dueChanged: false };
    const tasks = ended.map(({ job, tasks: [task] }) => ({ id: job.id, completed: task?.state === 'completed' }));
    const [counted, released] = await Promise.all([
      stores.graphHistory.count(tasks),
      stores.graphTasks.release(tasks.filter(({ completed }) => completed).map(({ id }) => id)),
    ]);
    const deliveries = await this.webhookEvents.deliver(
      stores,
      ended.map(({ job, tasks: [task] }) => {
        const status = task?.state === 'completed' ? 'completed' : 'failed';
        const { startedAt, at } = counted.get(job.id)!;
        const result = status === 'completed' ? String(task?.output?.result ?? '') : null;
        return happenedTo(job, `task.${status}`, { status, result, startedAt, completedAt: at });
      }),
    );
    return {
      deliveries,
      queued: released.filter(({ state }) => state === 'queued').map(({ laneId }) => laneId),
      dueChanged: released.some(({ state }) => state === 'scheduled'),
    };
  }
}
