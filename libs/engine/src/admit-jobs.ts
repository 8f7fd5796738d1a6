import { Injectable } from '@nestjs/common';
import { admit, decideAdmission, type Admission, type Occupancy, type WaitReason } from '@task-engine/domain';
import { Database, type LaneRecord, type Stores } from '@task-engine/database';
import { AdvanceJobs } from './advance-jobs';
import { DefinitionCache } from './definition-cache';
import { HintSender } from './hints';

/** Jobs started in one transaction: long enough to pay for it, short enough that a settings change does not wait long for the lane. */
const BATCH = 200;
/** Waiting jobs whose reason one call looks at. */
const EXPLAINED = 1_000;

/** Moves queued jobs into the free slots of their lane, most urgent and oldest first, and says of the others why they wait. */
@Injectable()
export class AdmitJobs {
  constructor(
    private readonly database: Database,
    private readonly definitions: DefinitionCache,
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
      const candidates = await stores.admission.queued(laneId, free, rooms);
      const answers = admit(candidates, lane, occupancy);
      const started = await stores.admission.start(
        candidates.filter((job) => answers.get(job.id) === 'start').map((job) => job.id),
      );
      if (started.length === 0) return undefined;
      await this.writeTasks(stores, started);
      const resumed = await stores.executions.dispatchJobs(started);
      return {
        started,
        resumed,
        advanced: await this.advance.within(stores, started),
      };
    });
    if (!result) return 0;
    const { started, resumed, advanced } = result;
    await this.hints.send({
      executions: [...resumed, ...advanced.executions],
      deliveries: advanced.deliveries,
    });
    return started.length;
  }

  private async writeTasks(stores: Stores, jobIds: string[]): Promise<void> {
    const jobs = await stores.jobs.lockStarted(jobIds);
    const definitions = await this.definitions.get(
      jobs.map((job) => job.definitionDigest),
      stores,
    );
    await stores.tasks.insert(
      jobs.flatMap((job) =>
        definitions.get(job.definitionDigest)!.tasks.map((task, ordinal) => ({
          jobId: job.id,
          ordinal,
          name: task.name,
          queue: task.queue,
        })),
      ),
    );
  }

  /** Writes the reason on queued jobs that have none yet or an outdated one, the next ones to run first. */
  async explain(laneId: number): Promise<void> {
    await this.database.transaction(async (stores) => {
      const lane = await stores.lanes.lock(laneId);
      if (!lane) return;
      const occupancy = await occupancyOf(stores, lane);
      const waiting = await stores.admission.waiting(laneId, EXPLAINED);
      const reasons = waiting.flatMap((job) => {
        const answer: Admission = decideAdmission(job, lane, occupancy);
        return answer === 'start' || answer === job.waitReason
          ? []
          : [{ id: job.id, reason: answer satisfies WaitReason }];
      });
      await stores.admission.setWaitReasons(reasons);
    });
  }
}

async function occupancyOf(stores: Stores, lane: LaneRecord): Promise<Occupancy> {
  const running = await stores.admission.occupancy(lane.id, lane.reservedThreshold);
  const capped = await stores.admission.cappedClients(lane.id);
  return {
    ...running,
    clients: new Map(capped.map(({ clientId, cap, running: own }) => [clientId, { cap, running: own }])),
  };
}
