import { Injectable } from '@nestjs/common';
import { isFinalJobState } from '@task-engine/domain';
import { type ClientRecord, Database } from '@task-engine/database';
import { HintSender, type Hints } from '../hints';
import { WebhookEvents } from '../webhooks/webhook-events';
import type { CancelAnswer, RetryAnswer } from './answers';
import { happened } from './graph-events';
import { viewOf } from './read-graph-tasks';

interface Decided<Answer> {
  answer: Answer;
  hints: Partial<Hints>;
}

/** Ends a graph task that waits or runs, for good. Those that wait for it stay pending. */
@Injectable()
export class CancelGraphTask {
  constructor(
    private readonly database: Database,
    private readonly webhookEvents: WebhookEvents,
    private readonly hints: HintSender,
  ) {}

  async run(client: ClientRecord, id: string): Promise<CancelAnswer> {
    const { answer, hints } = await this.database.transaction(async (stores): Promise<Decided<CancelAnswer>> => {
      if (!(await stores.graphTasks.hold(id, client.id))) return { answer: { refused: 'not_found' }, hints: {} };
      const { status, jobState, laneId } = (await stores.graphLists.find(id))!;
      if (isFinalJobState(jobState)) return { answer: { refused: 'finished', status }, hints: {} };
      await stores.jobs.break(id, 'cancelled by its client');
      const stopped = await stores.executions.stop(id);
      await stores.tasks.failOpen(id, 'cancelled');
      const task = viewOf((await stores.graphLists.find(id))!);
      const deliveries = await this.webhookEvents.deliver(stores, [happened('task.cancelled', task, task)]);
      return {
        answer: { task },
        hints: { stopped, broken: [id], freed: jobState === 'started' ? [laneId] : [], deliveries },
      };
    });
    await this.hints.send(hints);
    return answer;
  }
}

/** Has a failed graph task tried again, from its checkpoint; its tries are counted anew, what is shown as their number goes on. */
@Injectable()
export class RetryGraphTask {
  constructor(
    private readonly database: Database,
    private readonly webhookEvents: WebhookEvents,
    private readonly hints: HintSender,
  ) {}

  async run(client: ClientRecord, id: string): Promise<RetryAnswer> {
    const { answer, hints } = await this.database.transaction(async (stores): Promise<Decided<RetryAnswer>> => {
      if (!(await stores.graphTasks.hold(id, client.id))) return { answer: { refused: 'not_found' }, hints: {} };
      const { status, retryCount, laneId } = (await stores.graphLists.find(id))!;
      if (status !== 'failed') return { answer: { refused: 'not_failed', status }, hints: {} };
      await stores.totals.reopen([id], await stores.totals.lock());
      const step = await stores.graphTasks.retry(id, retryCount + 1);
      // admission takes it up when the job gets a slot
      if (step) await stores.executions.insert([{ ...step, jobId: id, cause: 'retry', parked: true }]);
      const task = viewOf((await stores.graphLists.find(id))!);
      const deliveries = await this.webhookEvents.deliver(stores, [happened('task.retrying', task, task)]);
      return { answer: { task }, hints: { queued: [laneId], deliveries } };
    });
    await this.hints.send(hints);
    return answer;
  }
}
