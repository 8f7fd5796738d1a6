import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { HintSender } from './hints';

const BATCH = 1_000;

/** Repairs what lost hints left standing: queued executions without a Bull job, started jobs that nobody advances. */
@Injectable()
export class SweepLost {
  constructor(
    private readonly database: Database,
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
   * Hints again what waited longer than `seconds`. A hint that still waits in Bull is not doubled (same job id there), so a backlog
   * costs one no-op each.
   */
  async run(seconds: number): Promise<{ executions: number; jobs: number }> {
    const executions = await this.database.stores.executions.redispatch(seconds, BATCH);
    const jobs = await this.database.stores.jobs.stalled(seconds, BATCH);
    await this.hints.send({
      executions,
      advance: jobs.map((jobId) => ({ jobId, because: 'sweep' })),
    });
    return { executions: executions.length, jobs: jobs.length };
  }
}
