import { Injectable } from '@nestjs/common';
import { DomainError, isFinalJobState } from '@task-engine/domain';
import { Database, type JobRecord, type Stores } from '@task-engine/database';
import { BreakJob } from './break-job';
import { HintSender, type Hints } from './hints';
import { ENGINE_LANE, Lanes } from './lanes';

export interface JobChanges {
  /** A due time; a past one means now. */
  runAt?: Date;
  /** Null removes it. */
  semaphoreUrl?: string | null;
  priority?: number;
  persist?: boolean;
  state?: 'paused' | 'broken' | 'queued';
}

/**
 * Changes a job as its client asks: all changes or none. The job's row is locked first, then each change is a guarded
 * statement of its own that the state machine may still refuse.
 */
@Injectable()
export class UpdateJob {
  constructor(
    private readonly database: Database,
    private readonly breakJob: BreakJob,
    private readonly lanes: Lanes,
    private readonly hints: HintSender,
  ) {}

  /**
   * @returns names of the changes made, in the order of JobChanges
   * @throws DomainError not_found (unknown, or another client's), illegal_transition
   */
  async run(input: { clientId: number; jobId: string; changes: JobChanges }): Promise<(keyof JobChanges)[]> {
    const { changes } = input;
    const laneId = await this.lanes.id(ENGINE_LANE);
    const hints = await this.database.transaction(async (stores) => {
      const job = await stores.jobs.lock(input.jobId, input.clientId, laneId);
      if (!job) throw new DomainError('not_found', `Unknown job: ${input.jobId}`);
      return this.apply(stores, job, changes);
    });
    await this.hints.send(hints);
    const order: (keyof JobChanges)[] = ['runAt', 'semaphoreUrl', 'priority', 'persist', 'state'];
    return order.filter((name) => changes[name] !== undefined);
  }

  private async apply(stores: Stores, job: JobRecord, changes: JobChanges): Promise<Partial<Hints>> {
    const refuse = (what: string): never => {
      throw new DomainError('illegal_transition', `Job ${job.id} is ${job.state}: ${what}`);
    };
    if (changes.persist !== undefined) await stores.jobs.setPersist(job.id, changes.persist);
    if (changes.priority !== undefined && !(await stores.jobs.setPriority(job.id, changes.priority))) {
      refuse('its priority cannot be changed any more');
    }
    if (changes.runAt !== undefined || changes.semaphoreUrl !== undefined) {
      const due = { runAt: changes.runAt, semaphoreUrl: changes.semaphoreUrl };
      if (!(await stores.dueJobs.reschedule(job.id, due))) refuse('it cannot be scheduled any more');
      await this.logDueTime(stores, job.id, changes.runAt);
    }
    const hints: Partial<Hints> = { lanes: [job.laneId], dueChanged: true };
    switch (changes.state) {
      case undefined:
        break;
      case 'broken':
        return {
          ...hints,
          ...(await this.breakJob.within(stores, job.id, 'broken by its client')),
        };
      case 'paused':
        if (job.state !== 'paused' && !(await stores.jobs.pause(job.id))) refuse('it cannot be paused');
        await stores.executions.park(job.id);
        break;
      case 'queued':
        // Asking for the state that is there already is no error; a scheduled job is queued by its time, not by hand.
        if (job.state !== 'queued' && !(await stores.jobs.resume(job.id))) {
          refuse(isFinalJobState(job.state) ? 'it is over' : 'only a paused job can be queued');
        }
        break;
    }
    return hints;
  }

  private async logDueTime(stores: Stores, jobId: string, runAt: Date | undefined): Promise<void> {
    if (!runAt || runAt <= new Date()) return;
    await stores.jobLog.append([
      {
        jobId,
        progname: 'api',
        message: `Job will run at: "${runAt.toISOString()}"`,
      },
    ]);
  }
}
