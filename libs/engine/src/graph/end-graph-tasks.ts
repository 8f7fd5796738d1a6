import { Injectable } from '@nestjs/common';
import type { Stores } from '@task-engine/database';
import type { Hints } from '../hints';
import type { JobView } from '../job-events';
import { WebhookEvents } from '../webhooks/webhook-events';
import { isGraphTask } from './graph-definition';
import { happenedTo } from './graph-events';

/** Ends graph tasks with their jobs, and lets those go on that waited for them. Jobs that are no graph tasks are left alone. */
@Injectable()
export class EndGraphTasks {
  constructor(private readonly webhookEvents: WebhookEvents) {}

  /** In the transaction that finishes the jobs: what webhooks are told. Answers deliveries for the hint after COMMIT. */
  async tell(stores: Stores, views: JobView[]): Promise<{ id: string }[]> {
    const ended = views.filter(({ definition }) => isGraphTask(definition));
    let times: ReturnType<Stores['graphHistory']['times']> | undefined;
    return this.webhookEvents.deliver(
      stores,
      ended.map(({ job, tasks: [task] }) => {
        const status = task?.state === 'completed' ? 'completed' : 'failed';
        const result = status === 'completed' ? String(task?.output?.result ?? '') : null;
        return happenedTo(job, `task.${status}`, async () => {
          times ??= stores.graphHistory.times(ended.map(({ job: { id } }) => id));
          const { startedAt, at } = (await times).get(job.id)!;
          return { status, result, startedAt, completedAt: at };
        });
      }),
    );
  }

  /**
   * In the same transaction, behind all else that it locks: each task that is released may be awaited by other reports, and all of a worker
   * count in one row. Answers what the hints after COMMIT say.
   */
  async end(stores: Stores, views: JobView[]): Promise<Pick<Hints, 'queued' | 'dueChanged'>> {
    const tasks = views
      .filter(({ definition }) => isGraphTask(definition))
      .map(({ job, tasks: [task] }) => ({ id: job.id, completed: task?.state === 'completed' }));
    const [released] = await Promise.all([
      stores.graphTasks.release(tasks.filter(({ completed }) => completed).map(({ id }) => id)),
      stores.graphHistory.count(tasks),
    ]);
    return {
      queued: released.filter(({ state }) => state === 'queued').map(({ laneId }) => laneId),
      dueChanged: released.some(({ state }) => state === 'scheduled'),
    };
  }
}
