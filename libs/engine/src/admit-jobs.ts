import { Injectable } from '@nestjs/common';
import { admit } from '@task-engine/domain';
import { Database, type JobRecord, type Stores } from '@task-engine/database';
import { AdvanceJobs, type Advanced } from './advance-jobs';
import { occupancyOf } from './explain-wait';
import { HintSender } from './hints';
import { JobViews } from './job-views';

/** Jobs started in one transaction: long enough to pay for it, short enough that a settings change does not wait long for the lane. */
const BATCH = 500;

/** Moves queued jobs into the free slots of their lane, most urgent and oldest first. */
@Injectable()
export class AdmitJobs {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly advance: AdvanceJobs,
    private readonly hints: HintSender,
  ) {}

  /** Fills the lane. Safe beside other controllers: the lane's lock makes one of them decide at a time. */
  async run(laneId: number): Promise<number> {
    let total = 0;
    for (;;) {
      const started = await this.batch(laneId);
      total += started;
      if (started < BATCH) return total;
    }
  }

  private async batch(laneId: number): Promise<number> {
    const result = await this.database.transaction(async (stores) => {
      const lane = await stores.lanes.lock(laneId);
      if (!lane || lane.paused) return undefined;
      const occupancy = await occupancyOf(stores, lane);
      const free = Math.min(BATCH, lane.maxRunning - occupancy.running);
      if (free <= 0) return undefined;
      const rooms = [...occupancy.clients].map(([clientId, client]) => ({
        clientId,
        room: Math.max(0, client.cap - client.running),
      }));
      let candidates = await stores.admission.queued(laneId, free, rooms);
      let answers = admit(candidates, lane, occupancy);
      // Normal jobs on top of the queue that reserved slots refuse stand in front of the priority jobs that these are kept for.
      if (candidates.some((job) => job.topOfQueue && answers.get(job.id) === 'SlotsReserved')) {
        const behind = await stores.admission.queued(laneId, free, rooms, lane.reservedThreshold);
        candidates = [...candidates, ...behind.filter((job) => !answers.has(job.id))];
        answers = admit(candidates, lane, occupancy);
      }
      const started = await stores.admission.start(
        candidates.filter((job) => answers.get(job.id) === 'start').map((job) => job.id),
      );
      if (started.length === 0) return undefined;
      const begun = await this.advance.begin(
        stores,
        started.filter((job) => job.startedAt === null),
      );
      const resumed = await this.resume(
        stores,
        started.filter((job) => job.startedAt !== null),
      );
      return {
        started: started.length,
        executions: [...begun.executions, ...resumed.executions],
        deliveries: [...begun.deliveries, ...resumed.deliveries],
      };
    });
    if (!result) return 0;
    await this.hints.send(result);
    return result.started;
  }

  /** Jobs that were paused: what waited goes on, and what ended meanwhile has its consequences. */
  private async resume(stores: Stores, jobs: JobRecord[]): Promise<Pick<Advanced, 'executions' | 'deliveries'>> {
    if (jobs.length === 0) return { executions: [], deliveries: [] };
    const waiting = await stores.executions.unpark(jobs.map((job) => job.id));
    const { executions, deliveries } = await this.advance.within(stores, await this.views.of(jobs, stores));
    return { executions: [...waiting, ...executions], deliveries };
  }
}
