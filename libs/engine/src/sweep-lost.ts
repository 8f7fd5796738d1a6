import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { WorkQueues } from '@task-engine/messaging';
import { HintSender } from './hints';

const BATCH = 1_000;

/** Repairs what lost hints left standing: queued executions without a Bull job, started jobs that nobody advances. */
@Injectable()
export class SweepLost {
  constructor(
    private readonly database: Database,
    private readonly queues: WorkQueues,
    private readonly hints: HintSender,
  ) {}

  /** Hints the retries whose delay is over. */
  async dispatchDue(): Promise<void> {
    for (;;) {
      const executions = await this.database.stores.executions.dispatchDue(BATCH);
      await this.hints.send({ executions });
      if (executions.length < BATCH) return;
    }
  }

  /**
   * Hints again what waited longer than `seconds`. A hint of this kind that still waits in Bull is not doubled (same key there), so a
   * backlog costs one more hint each, and that finds nothing to do.
   */
  async run(seconds: number): Promise<{ executions: number; jobs: number }> {
    const executions = await this.database.stores.executions.redispatch(seconds, BATCH);
    const jobs = await this.database.stores.jobs.stalled(seconds, BATCH);
    if (executions.length + jobs.length > 0) {
      const advance = jobs.map((jobId) => ({ jobId, because: 'sweep' }));
      await this.hints.send({ executions, advance, epoch: await this.queues.epoch() });
    }
    return { executions: executions.length, jobs: jobs.length };
  }
}
