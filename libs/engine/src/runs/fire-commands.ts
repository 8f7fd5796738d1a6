import { Injectable } from '@nestjs/common';
import { Database, isUnavailable } from '@task-engine/database';
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
   * is room for the run at that moment. Times that passed while no leader was there become one run. What one command cannot do keeps no
   * other from firing.
   * @returns for each run by how many seconds it was late
   * @throws what kept a command from firing, when the others have
   */
  async run(): Promise<number[]> {
    await this.runJobs.ready();
    const late: number[] = [];
    const failures = new Map<string, unknown>();
    let limit = BATCH;
    for (;;) {
      const taken: string[] = [];
      try {
        late.push(...(await this.fire(limit, [...failures.keys()], taken)));
      } catch (error) {
        if (isUnavailable(error) || taken.length === 0) throw error;
        // one by one it shows whose fault it is
        limit = 1;
        if (taken.length === 1) failures.set(taken[0]!, error);
        continue;
      }
      if (taken.length < limit) break;
    }
    for (const failure of failures.values()) throw failure;
    return late;
  }

  /** @param taken is filled with the commands that are due */
  private async fire(limit: number, except: string[], taken: string[]): Promise<number[]> {
    const now = new Date();
    const runs = await this.database.transaction(async (stores) => {
      const due = await stores.commands.lockDue(limit, except);
      taken.splice(0, taken.length, ...due.map(({ id }) => id));
      if (due.length === 0) return [];
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
      const fired = await stores.runs.fired(planned);
      const fresh = planned.filter(({ commandId }) => !fired.has(commandId));
      if (fresh.length > 0) await this.runJobs.insert(stores, fresh);
      return fresh;
    });
    if (runs.length > 0) await this.hints.send({ queued: [...new Set(runs.map(({ laneId }) => laneId))] });
    return runs.map(({ dueAt }) => (now.getTime() - dueAt.getTime()) / 1_000);
  }
}
