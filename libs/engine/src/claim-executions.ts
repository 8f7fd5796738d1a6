import { Injectable } from '@nestjs/common';
import { Database, type ExecutionCause, type JobRecord, type LogLine, type TaskRecord } from '@task-engine/database';
import type { ResolvedDefinition } from '@task-engine/workflows';
import { HintSender } from './hints';
import { JobEvents } from './job-events';
import { JobViews } from './job-views';

/** A lease, with all that running its task needs. */
export interface ClaimedWork {
  executionId: string;
  /** Names the lease in heartbeats and the report. */
  token: string;
  /** Why it runs: the first time, a retry, after a lost lease, or handed back by another worker. */
  cause: ExecutionCause;
  job: JobRecord;
  definition: ResolvedDefinition;
  tasks: TaskRecord[];
  task: TaskRecord;
}

/** Gives a worker the lease on queued executions. What another worker has, or what must not run now, is left out. */
@Injectable()
export class ClaimExecutions {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly events: JobEvents,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param leaseSeconds how long each lease lasts unless it is renewed
   * @param lastChance gives tasks on their last chance too: only for a worker that runs no other of them
   * @returns in the order of `executionIds`, undefined for those not given
   */
  async run(
    executionIds: string[],
    workerId: string,
    leaseSeconds: number,
    { lastChance = false } = {},
  ): Promise<(ClaimedWork | undefined)[]> {
    const { work, deliveries } = await this.database.transaction(async (stores) => {
      const claimed = await stores.executions.claim(executionIds, workerId, leaseSeconds, lastChance);
      if (claimed.length === 0) return { work: [], deliveries: [] };
      const first = new Set(await stores.tasks.start(claimed.map((execution) => execution.taskId)));
      const views = await this.views.of(
        await stores.jobs.findAll([...new Set(claimed.map((execution) => execution.jobId))]),
        stores,
      );
      const byJob = new Map(views.map((view) => [view.job.id, view]));

      const lines: LogLine[] = [];
      const started = [];
      const found: ClaimedWork[] = [];
      for (const execution of claimed) {
        const view = byJob.get(execution.jobId)!;
        const task = view.tasks.find((candidate) => candidate.id === execution.taskId)!;
        if (first.has(task.id)) {
          lines.push(this.events.definitionsLine(view, task.id));
          started.push({
            view,
            event: { kind: 'task', event: 'start', task } as const,
          });
        }
        lines.push({
          jobId: view.job.id,
          taskId: task.id,
          progname: 'worker',
          message: `Task '${task.name}' started`,
        });
        found.push({
          executionId: execution.id,
          token: execution.token,
          cause: execution.cause,
          task,
          ...view,
        });
      }
      await stores.jobLog.append(lines);
      return {
        work: found,
        deliveries: await this.events.deliver(stores, started),
      };
    });
    await this.hints.send({ deliveries });
    const byId = new Map(work.map((claimed) => [claimed.executionId, claimed]));
    return executionIds.map((id) => byId.get(id));
  }
}
