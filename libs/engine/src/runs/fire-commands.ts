import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { HintSender } from '../hints';
import { nextFiring } from './cron';
import { RunJobs } from './run-jobs';

const BATCH = 500;

/** Starts runs of commands whose cron rules say so. */
@Injectable()
export class FireCommands {
  constructor(
    private readonly database: Database,
    private readonly runJobs: RunJobs,
    private readonly hints: HintSender,
  ) {}

  /**
   * A run for each rule that is due, and its next time, in one transaction: what has fired once does not fire again, whether or not there
   * is room for the run at that moment. Times that passed while no leader was there become one run.
   * @returns for each run by how many seconds it was late
   */
  async run(): Promise<number[]> {
    await this.runJobs.ready();
    const late: number[] = [];
    for (;;) {
      const now = new Date();
      const runs = await this.database.transaction(async (stores) => {
        const due = await stores.commands.lockDue(BATCH);
        for (const { id, request, nextAt } of due) {
          const { cron, timezone } = request as { cron: string; timezone: string };
          const after = new Date(Math.max(now.getTime(), nextAt!.getTime()));
          await stores.commands.fired(id, nextFiring(cron, timezone, after));
        }
        const planned = due.map((command) => ({
          ...command,
          commandId: command.id,
          cause: 'cron' as const,
          dueAt: command.nextAt!,
          requestedFrom: null,
        }));
        if (planned.length > 0) await this.runJobs.insert(stores, planned);
        return planned;
      });
      late.push(...runs.map(({ dueAt }) => (now.getTime() - dueAt.getTime()) / 1_000));
      if (runs.length > 0) await this.hints.send({ queued: [...new Set(runs.map(({ laneId }) => laneId))] });
      if (runs.length < BATCH) return late;
    }
  }
}
