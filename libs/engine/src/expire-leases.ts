import { Injectable } from '@nestjs/common';
import { LAST_CHANCE_LEASES, POISON_LEASES } from '@task-engine/domain';
import { Database, type LogLine, type NewExecution, type Stores } from '@task-engine/database';
import { AdvanceJobs } from './advance-jobs';
import { type GraphParameters, isGraphTask } from './graph/graph-definition';
import { happenedTo } from './graph/graph-events';
import { HintSender } from './hints';
import type { JobEvent, JobView } from './job-events';
import { JobViews } from './job-views';
import { type Happened, WebhookEvents } from './webhooks/webhook-events';

/** Leases ended in one transaction. */
const BATCH = 200;

/** Gives the work of dead workers to others. A task that keeps killing its workers fails as `poison` instead. */
@Injectable()
export class ExpireLeases {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly advance: AdvanceJobs,
    private readonly webhookEvents: WebhookEvents,
    private readonly hints: HintSender,
  ) {}

  /** @returns number of leases that had run out */
  async run(): Promise<number> {
    let total = 0;
    for (;;) {
      const late = await this.database.stores.executions.late(BATCH);
      const expired = late.length > 0 ? await this.expire(late) : 0;
      total += expired;
      // None of a full batch: others hold them, and will be done with them when the leader looks again.
      if (late.length < BATCH || expired === 0) return total;
    }
  }

  private async expire(late: { id: string; jobId: string }[]): Promise<number> {
    const { count, ...hints } = await this.database.transaction((stores) => this.within(stores, late));
    await this.hints.send(hints);
    return count;
  }

  private async within(stores: Stores, late: { id: string; jobId: string }[]) {
    const jobs = await stores.jobs.lockAll([...new Set(late.map(({ jobId }) => jobId))]);
    const lost = await stores.executions.expire(late.map(({ id }) => id));
    const views = await this.views.of(jobs, stores);
    const byJob = new Map(views.map((view) => [view.job.id, view]));
    const lines: LogLine[] = [];
    const events: { view: JobView; event: JobEvent }[] = [];
    const repeats: NewExecution[] = [];
    const failed: { id: string; error: string }[] = [];
    const happened: Happened[] = [];
    const anew: string[] = [];
    for (const { queue, worker, task: lostTask } of lost) {
      const view = byJob.get(lostTask.jobId)!;
      const task = view.tasks.find(({ id }) => id === lostTask.id)!;
      const count = lostTask.lostLeases;
      const about = { jobId: task.jobId, taskId: task.id, progname: 'controller' as const };
      const ofGraph = isGraphTask(view.definition);
      const name = ofGraph ? (view.job.parameters as unknown as GraphParameters).name : task.name;
      const why = `Worker ${worker} stopped answering while it ran '${name}' (lease lost, ${count} of ${POISON_LEASES})`;
      if (count < POISON_LEASES) {
        task.state = 'queued';
        repeats.push({
          taskId: task.id,
          jobId: task.jobId,
          queue,
          cause: 'lease_lost',
          parked: view.job.state !== 'started',
          lastChance: count >= LAST_CHANCE_LEASES,
        });
        lines.push({ ...about, severity: 'WARN', message: `${why}: it runs again` });
        if (ofGraph) anew.push(view.job.id);
        if (ofGraph) happened.push(happenedTo(view.job, 'task.retrying', { status: 'pending' }));
      } else {
        const error = `poison: its worker died ${count} times while it ran '${name}'`;
        Object.assign(task, { state: 'failed', error });
        failed.push({ id: task.id, error });
        lines.push({ ...about, severity: 'ERROR', message: `${why}: it is not run again` });
        events.push({ view, event: { kind: 'task', event: 'fail', task, message: error } });
      }
    }
    await stores.tasks.retry(
      repeats.map(({ taskId }) => taskId),
      false,
    );
    await stores.graphTasks.beginAnew(anew);
    await stores.tasks.fail(failed);
    const repeated = await stores.executions.insert(repeats);
    const told = await this.webhookEvents.deliver(stores, happened);
    const advanced = await this.advance.within(stores, views, { lines, events });
    return {
      ...advanced,
      executions: [...repeated, ...advanced.executions],
      deliveries: [...told, ...advanced.deliveries],
      count: lost.length,
    };
  }
}
