import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { WorkQueues } from '@task-engine/messaging';
import { HintSender } from './hints';

const BATCH = 1_000;

/**
 * Repairs what a fault left standing: started jobs that nobody takes on. (Queued executions need no sweep: workers look for them in the
 * table, a hint only makes them look sooner.)
 */
@Injectable()
export class SweepLost {
  constructor(
    private readonly database: Database,
    private readonly queues: WorkQueues,
    private readonly hints: HintSender,
  ) {}

  /** @returns number of jobs that had not been touched for `seconds` although something is to be done */
  async run(seconds: number): Promise<number> {
    const jobs = await this.database.stores.jobs.stalled(seconds, BATCH);
    const advance = jobs.map((jobId) => ({ jobId, because: 'sweep' }));
    if (jobs.length > 0) await this.hints.send({ advance, epoch: await this.queues.epoch() });
    return jobs.length;
  }
}
