import { Injectable } from '@nestjs/common';
import { POISON_LEASES } from '@task-engine/domain';
import { Database, type LogLine, type QueuedExecution } from '@task-engine/database';
import { HintSender } from './hints';
import { JobEvents, type JobEvent, type JobView } from './job-events';
import { JobViews } from './job-views';

/** Leases ended in one transaction. */
const BATCH = 200;

/** Gives the work of dead workers to others. A task that keeps killing its workers fails as `poison` instead. */
@Injectable()
export class ExpireLeases {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly events: JobEvents,
    private readonly hints: HintSender,
  ) {}

  /** @returns number of leases that had run out */
  async run(): Promise<number> {
    let total = 0;
    for (;;) {
      const expired = await this.batch();
      total += expired;
      if (expired < BATCH) return total;
    }
  }

  private async batch(): Promise<number> {
    const result = await this.database.transaction(async (stores) => {
      const lost = await stores.executions.expire(BATCH);
      if (lost.length === 0) return undefined;
      const views = await this.views.of(
        await stores.jobs.findAll([...new Set(lost.map((execution) => execution.jobId))]),
        stores,
      );
      const byJob = new Map(views.map((view) => [view.job.id, view]));
      const lines: LogLine[] = [];
      const executions: QueuedExecution[] = [];
      const advance: { jobId: string; because: string }[] = [];
      const events: { view: JobView; event: JobEvent }[] = [];
      for (const { id, taskId, taskName, jobId, queue, worker } of lost) {
        const count = await stores.tasks.loseLease(taskId);
        const about = { jobId, taskId, progname: 'controller' as const };
        const why = `Worker ${worker} stopped answering while it ran '${taskName}' (lease lost, ${count} of ${POISON_LEASES})`;
        if (count < POISON_LEASES) {
          await stores.tasks.retry(taskId, false);
          executions.push(...(await stores.executions.insert([{ taskId, jobId, queue }], 'lease_lost')));
          lines.push({
            ...about,
            severity: 'WARN',
            message: `${why}: it runs again`,
          });
        } else {
          const error = `poison: its worker died ${count} times while it ran '${taskName}'`;
          await stores.tasks.fail(taskId, error);
          lines.push({
            ...about,
            severity: 'ERROR',
            message: `${why}: it is not run again`,
          });
          events.push({
            view: byJob.get(jobId)!,
            event: {
              kind: 'task',
              event: 'fail',
              task: { id: taskId, name: taskName },
              message: error,
            },
          });
          advance.push({ jobId, because: id });
        }
      }
      await stores.jobLog.append(lines);
      return {
        count: lost.length,
        executions,
        advance,
        deliveries: await this.events.deliver(stores, events),
      };
    });
    if (!result) return 0;
    await this.hints.send(result);
    return result.count;
  }
}
