import { Injectable } from '@nestjs/common';
import { decideAdmission, type Occupancy, type WaitReason } from '@task-engine/domain';
import { Database, type Stores } from '@task-engine/database';

/**
 * Says why queued jobs wait, at the moment of asking: the answer of admission's own decision. Nothing of it is stored: it would have to be
 * written again for every waiting job whenever a slot is taken or a limit changed. (Why a scheduled or paused job waits stands in its row.)
 */
@Injectable()
export class ExplainWait {
  constructor(private readonly database: Database) {}

  /** @returns reasons by id; a job that is not queued, or that the next admission would start, has none */
  async run(laneName: string, jobIds: string[]): Promise<Map<string, WaitReason>> {
    const { admission, lanes } = this.database.stores;
    const [lane, jobs] = await Promise.all([lanes.findByName(laneName), admission.find(jobIds)]);
    if (!lane || jobs.length === 0) return new Map();
    const occupancy = await occupancyOf(this.database.stores, lane.id);
    return new Map(
      jobs.flatMap((job) => {
        const answer = decideAdmission(job, lane, occupancy);
        return answer === 'start' ? [] : [[job.id, answer] as const];
      }),
    );
  }
}

/** What runs in a lane. */
export async function occupancyOf(stores: Stores, laneId: number): Promise<Occupancy> {
  const [running, capped] = await Promise.all([stores.admission.occupancy(laneId), stores.admission.cappedClients()]);
  return {
    ...running,
    clients: new Map(capped.map(({ clientId, cap, running: own }) => [clientId, { cap, running: own }])),
  };
}
