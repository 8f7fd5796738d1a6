import { Injectable } from '@nestjs/common';
import {
  Database,
  type ExecutionCause,
  type JobRecord,
  type LogLine,
  type TaskRecord,
  type Wanted,
} from '@task-engine/database';
import type { ResolvedDefinition } from '@task-engine/workflows';
import { isGraphTask } from './graph/graph-definition';
import { happenedTo } from './graph/graph-events';
import { HintSender } from './hints';
import { JobEvents } from './job-events';
import { JobViews } from './job-views';
import { WebhookEvents } from './webhooks/webhook-events';

/** A lease, with all that running its task needs. */
export interface ClaimedWork {
  executionId: string;
  /** Names the lease in heartbeats and the report. */
  token: string;
  /** Why it runs: the first time, a retry, after a lost lease, or handed back by another worker. */
  cause: ExecutionCause;
  /** Two workers have died with it: run no other of this kind beside it. */
  lastChance: boolean;
  /** Where the next claim of a longer queue may begin to look. */
  availableAt: string;
  job: JobRecord;
  definition: ResolvedDefinition;
  tasks: TaskRecord[];
  task: TaskRecord;
  /** What the job log says of the start, for the worker to write when it begins. */
  lines: LogLine[];
}

/** Gives a worker the lease on queued executions. What another worker has, or what must not run now, is left out. */
@Injectable()
export class ClaimExecutions {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly events: JobEvents,
    private readonly webhookEvents: WebhookEvents,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param leaseSeconds how long each lease lasts unless it is renewed
   * @returns what was claimed, in the order of the queue; fewer than the limit means that no more waits
   */
  async run(wanted: Wanted, workerId: string, leaseSeconds: number): Promise<ClaimedWork[]> {
    const { work, deliveries } = await this.database.transaction(async (stores, commit) => {
      const claimed = await stores.executions.claim(wanted, workerId, leaseSeconds);
      const jobs = new Map(claimed.map(({ job }) => [job.id, job]));
      const views = await this.views.of(
        [...jobs.values()],
        stores,
        claimed.map(({ task }) => task),
      );
      const byJob = new Map(views.map((view) => [view.job.id, view]));
      const work = claimed.map((execution): ClaimedWork => {
        const { id: executionId, token, cause, lastChance, availableAt, first } = execution;
        const view = byJob.get(execution.job.id)!;
        const { job, definition, tasks } = view;
        const task = tasks.find((candidate) => candidate.id === execution.task.id)!;
        const about = { jobId: job.id, taskId: task.id, progname: 'worker' as const };
        const lines: LogLine[] = isGraphTask(definition)
          ? [{ ...about, message: 'Task started execution' }]
          : [
              ...(first ? [this.events.definitionsLine(view, task.id)] : []),
              { ...about, message: `Task '${task.name}' started` },
            ];
        return { executionId, token, cause, lastChance, availableAt, job, definition, tasks, task, lines };
      });
      const started = work
        .filter((_, index) => claimed[index]!.first)
        .map((view) => ({ view, event: { kind: 'task', event: 'start', task: view.task } as const }));
      // nothing to wait for unless graph tasks were claimed
      const told = await this.webhookEvents.deliver(
        stores,
        work
          .map(({ job, definition }, index) => ({ job, definition, startedAt: claimed[index]!.begunAt }))
          .filter(({ definition }) => isGraphTask(definition))
          .map(({ job, startedAt }) => happenedTo(job, 'task.started', { status: 'running', startedAt })),
      );
      return { work, deliveries: [...told, ...(await commit(this.events.deliver(stores, started)))] };
    });
    await this.hints.send({ deliveries });
    return work;
  }
}
