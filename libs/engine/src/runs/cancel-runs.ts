import { Injectable } from '@nestjs/common';
import type { Stores } from '@task-engine/database';
import { BreakJob } from '../break-job';
import type { Hints } from '../hints';
import { EndRuns } from './end-runs';
import type { HeldCommand } from './hold-command';

export interface Cancelled {
  hints: Pick<Hints, 'broken' | 'deliveries' | 'freed'>;
  /** Jobs of runs that run: their workers stop them. */
  stopping: string[];
}

/** Ends the open runs of a command that the caller holds: those that wait at once, those that run through their workers. */
@Injectable()
export class CancelRuns {
  constructor(
    private readonly breakJob: BreakJob,
    private readonly endRuns: EndRuns,
  ) {}

  /** @param error what the runs that waited say of their end */
  async within(stores: Stores, open: HeldCommand['open'], laneId: number, error: string): Promise<Cancelled> {
    const stopping: string[] = [];
    const ended: string[] = [];
    const broken: string[] = [];
    for (const { jobId, shown } of open) {
      // Marked first: a run that ends by itself meanwhile must not be repeated.
      await stores.runs.requestStop(jobId);
      // Waits for a claim that is about to take it; one that runs holds its slot until its command has ended.
      if (await stores.executions.endWaiting(jobId)) {
        stopping.push(jobId);
        continue;
      }
      broken.push(...((await this.breakJob.within(stores, jobId, error)).broken ?? []));
      if (shown) ended.push(jobId);
      else await stores.runs.forget(jobId);
    }
    const deliveries = await this.endRuns.cancel(stores, ended, error);
    return { hints: { broken, deliveries, freed: broken.length > 0 ? [laneId] : [] }, stopping };
  }
}
