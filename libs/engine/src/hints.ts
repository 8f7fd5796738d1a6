import { Injectable } from '@nestjs/common';
import { Notifier, type WorkItem, WorkQueues } from '@task-engine/messaging';

/** What others should look at after a commit. All of it may be lost: a row and a sweep stand behind each. */
export interface Hints {
  /** Queues in which executions wait now. */
  executions: { queue: string }[];
  deliveries: { id: string }[];
  /** Jobs to advance; `because` makes the hint distinct from one that is being worked on right now. */
  advance: { jobId: string; because: string }[];
  /** Lanes in which a job came to wait. */
  queued: number[];
  /** Lanes in which a slot came free. */
  freed: number[];
  /** Lanes whose limits were changed, or a job of which was. */
  lanes: number[];
  /** A due time changed that the leader may not know. */
  dueChanged: boolean;
  /** Running executions whose workers must stop. */
  stopped: string[];
  broken: string[];
  /** Part of the keys of work that is hinted again, see WorkQueues.epoch. */
  epoch: string;
}

/** Sends hints after COMMIT. Never throws: the caller's work is done and durable. */
@Injectable()
export class HintSender {
  constructor(
    private readonly queues: WorkQueues,
    private readonly notifier: Notifier,
  ) {}

  async send(hints: Partial<Hints>): Promise<void> {
    for (const laneId of new Set(hints.queued)) this.notifier.emit('job.queued', { laneId });
    for (const laneId of new Set(hints.freed)) this.notifier.emit('slot.freed', { laneId });
    for (const laneId of new Set(hints.lanes)) this.notifier.emit('lane.changed', { laneId });
    if (hints.dueChanged) this.notifier.emit('schedule.changed', {});
    if (hints.stopped?.length) this.notifier.emit('execution.stop', { executionIds: hints.stopped });
    for (const jobId of hints.broken ?? []) this.notifier.emit('job.broken', { jobId });

    const suffix = hints.epoch ? `-${hints.epoch}` : '';
    const work = new Map<string, WorkItem[]>();
    // One for all that a batch brought: the worker that takes it claims what it can take and passes the hint on if more waits.
    for (const { queue } of hints.executions ?? []) work.set(queue, [{ data: {} }]);
    if (hints.advance?.length) {
      work.set(
        'controller',
        hints.advance.map(({ jobId, because }) => ({
          key: `${jobId}-${because}${suffix}`,
          data: { jobId },
        })),
      );
    }
    if (hints.deliveries?.length) {
      work.set(
        'callback',
        hints.deliveries.map(({ id }) => ({
          key: `d${id}`,
          data: { deliveryId: id },
        })),
      );
    }
    await Promise.all([...work].map(([queue, items]) => this.queues.add(queue, items)));
  }
}
