import { Injectable } from '@nestjs/common';
import { type CommandRecord, Database, isUnavailable } from '@task-engine/database';
import { HintSender } from '../hints';
import { nextFiring } from './cron';
import { RunJobs } from './run-jobs';

const BATCH = 500;
/** A command that could not be fired is tried again after this long, then after twice as long each time, in milliseconds. */
const PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 300_000;
/** Failures after which a round ends: the leader has more to do, and another round follows. */
const FAILURES = 100;

export interface FailedFiring {
  group: string;
  uuid: string;
  error: unknown;
  /** Until the next try. */
  pauseMs: number;
}

/** A time of a command's rule at which it could not be fired; by this process's monotonic clock, since another leader may as well try at once. */
interface Failing {
  id: string;
  at: Date;
  pauseMs: number;
  until: number;
}

/** Starts runs of commands whose cron rules say so. */
@Injectable()
export class FireCommands {
  private readonly failing = new Map<string, Failing>();

  constructor(
    private readonly database: Database,
    private readonly runJobs: RunJobs,
    private readonly hints: HintSender,
  ) {}

  /**
   * A run for each rule that is due, and its next time, in one transaction: what has fired once does not fire again, whether or not there
   * is room for the run at that moment. Times that passed while no leader was there become one run. What one command cannot do keeps no
   * other from firing; it is left alone for a while.
   * @returns for each run by how many seconds it was late
   */
  async run(): Promise<{ late: number[]; failed: FailedFiring[] }> {
    await this.runJobs.ready();
    const late: number[] = [];
    const failed: FailedFiring[] = [];
    this.forget();
    // those that failed before come behind the others, one by one, so that all others fire together
    await this.fireAll(BATCH, () => [...this.failing.values()], late, failed);
    if (this.failing.size > this.resting().length) await this.fireAll(1, () => this.resting(), late, failed);
    return { late, failed };
  }

  /** When a rule is due next, but for those that are left alone at present. */
  async nextDue(): Promise<Date | null> {
    return this.database.stores.commands.nextDue(this.resting());
  }

  private async fireAll(most: number, except: () => Failing[], late: number[], failed: FailedFiring[]): Promise<void> {
    let limit = most;
    while (failed.length < FAILURES) {
      const taken: CommandRecord[] = [];
      try {
        late.push(...(await this.fire(limit, except(), taken)));
        for (const { id } of taken) this.failing.delete(id);
        if (taken.length < limit) return;
        limit = Math.min(most, limit * 2);
      } catch (error) {
        if (isUnavailable(error) || taken.length === 0) throw error;
        // halving them shows whose fault it is
        if (taken.length === 1) failed.push(this.rest(taken[0]!, error));
        limit = Math.ceil(taken.length / 2);
      }
    }
  }

  /** @param taken is filled with the commands that are due */
  private async fire(limit: number, except: Failing[], taken: CommandRecord[]): Promise<number[]> {
    const now = new Date();
    const runs = await this.database.transaction(async (stores) => {
      const due = await stores.commands.lockDue(limit, except);
      taken.splice(0, taken.length, ...due);
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

  private rest({ id, uuid, group, nextAt }: CommandRecord, error: unknown): FailedFiring {
    const before = this.failing.get(id);
    const again = before && before.at.getTime() === nextAt!.getTime();
    const pauseMs = again ? Math.min(MAX_PAUSE_MS, before.pauseMs * 2) : PAUSE_MS;
    this.failing.set(id, { id, at: nextAt!, pauseMs, until: performance.now() + pauseMs });
    return { group, uuid, error, pauseMs };
  }

  private resting(): Failing[] {
    const now = performance.now();
    return [...this.failing.values()].filter(({ until }) => until > now);
  }

  /** Those that were stopped or changed meanwhile, so that nobody tries them any more. */
  private forget(): void {
    const now = performance.now();
    for (const { id, until } of this.failing.values()) if (until + MAX_PAUSE_MS < now) this.failing.delete(id);
  }
}
