import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { HintSender, type Hints } from './hints';
import { JobEvents, lastTask } from './job-events';
import { JobViews } from './job-views';

const BATCH = 100;

/** Fails started jobs that run longer than the `timeout` of their definition; what they still run is stopped. */
@Injectable()
export class TimeOutJobs {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly events: JobEvents,
    private readonly hints: HintSender,
  ) {}

  /** @returns number of jobs that failed so */
  async run(): Promise<number> {
    const result = await this.database.transaction(async (stores) => {
      const views = await this.views.of(await stores.jobs.lockOverdue(BATCH), stores);
      const hints: Pick<Hints, 'stopped' | 'lanes' | 'broken'> = { stopped: [], lanes: [], broken: [] };
      const events = [];
      for (const view of views) {
        const { job, definition } = view;
        const error = `not done within ${definition.timeout} s`;
        hints.stopped.push(...(await stores.executions.stop(job.id)));
        await stores.tasks.failOpen(job.id, error);
        await stores.jobs.fail(job.id, error);
        await stores.jobLog.append([
          {
            jobId: job.id,
            taskId: lastTask(view.tasks)?.id,
            severity: 'ERROR',
            progname: 'controller',
            message: `job has failed: ${error}`,
          },
        ]);
        hints.lanes.push(job.laneId);
        hints.broken.push(job.id);
        events.push({ view, event: { kind: 'job', state: 'failed', error } as const });
      }
      return { ...hints, deliveries: await this.events.deliver(stores, events) };
    });
    await this.hints.send(result);
    return result.lanes.length;
  }
}
