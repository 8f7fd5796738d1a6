import { Injectable } from '@nestjs/common';
import { admit } from '@task-engine/domain';
import { type Commit, Database, type JobRecord, type LaneRecord, later, type Stores } from '@task-engine/database';
import { AdvanceJobs, type Advanced } from './advance-jobs';
import { occupancyOf } from './explain-wait';
import { HintSender } from './hints';
import { JobViews } from './job-views';

/** Jobs started in one transaction: long enough to pay for it, short enough that a settings change does not wait long for the lane. */
const BATCH = 500;

export interface Admitted {
  /** Number of jobs. */
  started: number;
  /** A job may be waiting for a slot or for its client's cap: look again when one comes free. */
  waiting: boolean;
  /** No slot is free, or the lane is paused: a further job changes nothing. */
  full: boolean;
}

/** Moves queued jobs into the free slots of their lane, most urgent and oldest first. */
@Injectable()
export class AdmitJobs {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly advance: AdvanceJobs,
    private readonly hints: HintSender,
  ) {}

  /** Fills the lane. Safe beside others: the lane's lock makes one of them decide at a time. */
  async run(laneId: number): Promise<Admitted> {
    let total = 0;
    for (;;) {
      const { started, ...left } = await this.batch((stores, commit) =>
        this.within(stores, commit, laneId, stores.lanes.lock(laneId)),
      );
      total += started;
      if (started < BATCH) return { started: total, ...left };
    }
  }

  /**
   * Fills the lane in the transaction that writes jobs of it: where a slot is free they wait for nobody else.
   * @param write makes its statements before it waits for anything
   * @returns `decided`: false when somebody else was deciding about the lane at that moment and so will not have seen the jobs
   */
  async along<Written>(
    laneId: number,
    write: (stores: Stores) => Promise<Written>,
  ): Promise<Admitted & { written: Written; decided: boolean }> {
    return this.batch(async (stores, commit) => {
      const writing = write(stores);
      const locking = stores.lanes.tryLock(laneId);
      const [written, admitted, lane] = await Promise.all([
        writing,
        this.within(stores, commit, laneId, locking),
        locking,
      ]);
      return { ...admitted, written, decided: lane !== undefined };
    });
  }

  private async batch<Result extends Partial<Advanced>>(
    work: (stores: Stores, commit: Commit) => Promise<Result>,
  ): Promise<Result> {
    const result = await this.database.transaction(work);
    await this.hints.send(result);
    return result;
  }

  private async within(
    stores: Stores,
    commit: Commit,
    laneId: number,
    locking: Promise<LaneRecord | undefined>,
  ): Promise<Admitted & Partial<Advanced>> {
    // Made after the locks in one packet with them, each on a snapshot of its own: they see what the holders before have done.
    const [lane, , occupancy, first] = await Promise.all([
      locking,
      stores.admission.lockCapped(laneId),
      occupancyOf(stores, laneId),
      stores.admission.queued(laneId, BATCH),
    ]);
    const free = lane && !lane.paused ? Math.min(BATCH, lane.maxRunning - occupancy.running) : 0;
    if (!lane || free <= 0) return { started: 0, waiting: true, full: lane !== undefined };
    let candidates = first;
    let answers = admit(candidates, lane, occupancy);
    // Normal jobs on top of the queue that reserved slots refuse stand in front of the priority jobs that these are kept for.
    if (candidates.some((job) => job.topOfQueue && answers.get(job.id) === 'SlotsReserved')) {
      const behind = await stores.admission.queued(laneId, BATCH, lane.reservedThreshold);
      candidates = [...candidates, ...behind.filter((job) => !answers.has(job.id))];
      answers = admit(candidates, lane, occupancy);
    }
    const chosen = candidates.filter((job) => answers.get(job.id) === 'start');
    const waiting =
      candidates.length >= free ||
      chosen.length < candidates.length ||
      // a client with no room left may have jobs that were not looked at
      [...occupancy.clients.values()].some(({ cap, running }) => cap - running <= chosen.length);
    if (chosen.length === 0) return { started: 0, waiting, full: false };
    const result = await this.start(stores, commit, chosen);
    return { ...result, waiting, full: result.started >= free };
  }

  private async start(stores: Stores, commit: Commit, jobs: JobRecord[]): Promise<Advanced & { started: number }> {
    const starting = stores.admission.start(jobs.map((job) => job.id));
    for (const job of jobs) Object.assign(job, { state: 'started', waitReason: null } satisfies Partial<JobRecord>);
    const anew = jobs.filter((job) => job.startedAt === null);
    const again = jobs.filter((job) => job.startedAt !== null);
    const [begun, resumed, started] = await Promise.all([
      this.advance.begin(stores, anew, again.length === 0 ? commit : later),
      this.resume(stores, again, starting),
      starting,
    ]);
    return {
      started: started.length,
      executions: [...begun.executions, ...resumed.executions],
      deliveries: [...begun.deliveries, ...resumed.deliveries],
      freed: [...begun.freed, ...resumed.freed],
    };
  }

  /** Jobs that were paused: what waited goes on, and what ended meanwhile has its consequences. */
  private async resume(stores: Stores, jobs: JobRecord[], starting: Promise<string[]>): Promise<Advanced> {
    if (jobs.length === 0) return { executions: [], deliveries: [], freed: [] };
    const started = new Set(await starting);
    const resumed = jobs.filter((job) => started.has(job.id));
    const waiting = await stores.executions.unpark(resumed.map((job) => job.id));
    const advanced = await this.advance.within(stores, await this.views.of(resumed, stores));
    return { ...advanced, executions: [...waiting, ...advanced.executions] };
  }
}
