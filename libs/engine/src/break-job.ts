import { Injectable } from '@nestjs/common';
import type { Stores } from '@task-engine/database';
import type { Hints } from './hints';

/** Ends a job for good: its tasks fail, its executions stop, its slot is free. */
@Injectable()
export class BreakJob {
  /** Inside a transaction of the caller, who sends the hints after COMMIT. A job that is broken already is left as it is. */
  async within(stores: Stores, jobId: string, reason: string): Promise<Partial<Hints>> {
    if (!(await stores.jobs.break(jobId, reason))) return {};
    const stopped = await stores.executions.stop(jobId);
    await stores.tasks.failOpen(jobId, 'job was broken');
    await stores.jobLog.append([
      {
        jobId,
        progname: 'controller',
        severity: 'WARN',
        message: `job has been broken: ${reason}`,
      },
    ]);
    return { stopped, broken: [jobId] };
  }
}
