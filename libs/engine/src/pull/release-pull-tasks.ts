import { Injectable } from '@nestjs/common';
import { Database, type HeldPullTask, type LogLine, type Stores } from '@task-engine/database';
import { Batch } from '../batch';
import { SubmitPullTasks } from './submit-pull-tasks';

/** What a worker says of a task that it gives back. */
export const RELEASE = { ok: 0n, fail: 1n, skip: 2n } as const;

export interface Release {
  workerId: number;
  taskId: bigint;
  result: bigint;
  /** Hash of what it came to, where several workers have to come to the same. */
  verification: bigint;
}

/** Releases that arrive together and share a transaction. */
const BATCH = 100;
const MAX_ID = 9_223_372_036_854_775_807n;

/** A task after its release, and what its execution was. */
interface Left {
  held: HeldPullTask;
  state: 'open' | 'failed' | 'closed';
  execution: 'succeeded' | 'failed' | 'released' | 'lost';
  error: string | null;
}

/** Takes tasks back from their workers: the engine's report. Who does not hold the task any more changes nothing. */
@Injectable()
export class ReleasePullTasks {
  private readonly releases: Batch<Release, boolean>;

  constructor(
    private readonly database: Database,
    private readonly submitPullTasks: SubmitPullTasks,
  ) {
    this.releases = new Batch((releases) => this.releaseAll(releases), { size: BATCH, parallel: 1 });
  }

  /** @returns whether it changed anything: false too for a vote that did not decide */
  async run(release: Release): Promise<boolean> {
    if (release.taskId <= 0n || release.taskId > MAX_ID) return false;
    return this.releases.add(release);
  }

  /** Takes these tasks from their workers when their leases have run out; retries are not counted. @returns how many */
  async lapse(ids: string[]): Promise<number> {
    return this.database.transaction(async (stores) => {
      const held = await stores.pullTasks.lockHeld(ids);
      const lapsed = new Set(await stores.pullTasks.lapsed(held.map(({ id }) => id)));
      const left = held
        .filter(({ id }) => lapsed.has(id))
        .map((task): Left => ({ held: task, state: 'open', execution: 'lost', error: 'lease expired' }));
      await this.leave(stores, left, 'its worker had it for too long');
      return left.length;
    });
  }

  /** Takes these tasks from their workers, by a manager's wish. The caller has locked them. */
  async takeBack(stores: Stores, ids: string[]): Promise<void> {
    const held = await stores.pullTasks.lockHeld(ids);
    const left = held.map((task): Left => ({ held: task, state: 'open', execution: 'released', error: null }));
    await this.leave(stores, left, 'reclaimed by a manager');
  }

  private async releaseAll(releases: Release[]): Promise<boolean[]> {
    return this.database.transaction(async (stores, commit) => {
      const held = new Map(
        (await stores.pullTasks.lockHeld([...new Set(releases.map(({ taskId }) => String(taskId)))])).map((task) => [
          task.id,
          task,
        ]),
      );
      const left: Left[] = [];
      const updated: boolean[] = [];
      for (const release of releases) {
        const id = String(release.taskId);
        const task = held.get(id);
        const decided = task?.workerId === release.workerId ? await this.decide(stores, task, release) : undefined;
        updated.push(decided?.updated ?? false);
        if (!decided) continue;
        left.push(decided.left);
        // it is nobody's from here on
        held.delete(id);
      }
      await this.chain(stores, left);
      await commit(this.leave(stores, left, 'given back by its worker'));
      return updated;
    });
  }

  /** Undefined when the result is none: the worker keeps its task. */
  private async decide(
    stores: Stores,
    task: HeldPullTask,
    { result, workerId, verification }: Release,
  ): Promise<{ left: Left; updated: boolean } | undefined> {
    if (result === RELEASE.ok) {
      if (task.verifications === 1) return { left: closed(task), updated: true };
      const votes = await stores.pullTasks.vote(task.id, workerId, verification);
      const voted = { ...task, votes: task.votes + 1 };
      if (votes >= task.verifications) return { left: closed(voted), updated: true };
      return { left: { held: voted, state: 'open', execution: 'succeeded', error: null }, updated: false };
    }
    if (result === RELEASE.fail) {
      const retries = task.retries + 1;
      const error = `worker ${task.workerId} (${task.worker}) failed`;
      const state = retries >= task.maxRetries ? 'failed' : 'open';
      return { left: { held: { ...task, retries }, state, execution: 'failed', error }, updated: true };
    }
    if (result === RELEASE.skip) {
      return { left: { held: task, state: 'open', execution: 'released', error: null }, updated: true };
    }
    return undefined;
  }

  /** Waits for nothing in between: COMMIT may follow in the same packet. */
  private async leave(stores: Stores, left: Left[], reason: string): Promise<void> {
    if (left.length === 0) return;
    const of = (state: Left['state']) => left.filter((each) => each.state === state);
    const [open, failed, done] = [of('open'), of('failed'), of('closed')];
    // None of these needs another's answer.
    await Promise.all([
      stores.pullTasks.leave(left.map(({ held, ...rest }) => ({ ...held, ...rest }))),
      stores.pullTasks.requeue(
        open.map(({ held }) => held.id),
        reason,
      ),
      stores.tasks.complete(done.map(({ held }) => ({ id: held.taskId, output: {} }))),
      stores.jobs.complete(done.map(({ held }) => held.id)),
      done.length > 0 && stores.pullTasks.countClosed(done.map(({ held }) => held)),
      stores.tasks.fail(failed.map(({ held, error }) => ({ id: held.taskId, error: error! }))),
      ...failed.map(({ held, error }) => stores.jobs.fail(held.id, error!)),
      failed.length > 0 && stores.pullTasks.keep(failed.map(({ held }) => held.id)),
      stores.jobLog.append(left.flatMap(linesOf)),
    ]);
  }

  /** A closed task goes on in the project behind its own, unless one with its hash is there already. */
  private async chain(stores: Stores, left: Left[]): Promise<void> {
    const targets = new Map<number, HeldPullTask[]>();
    for (const { held, state } of left) {
      if (held.chainId === null || state !== 'closed') continue;
      targets.set(held.chainId, [...(targets.get(held.chainId) ?? []), held]);
    }
    for (const [id, tasks] of targets) {
      const [project] = await stores.projectLimits.gates([{ projectId: id, workerId: 0 }]);
      if (!project) continue;
      const copies = tasks.map((task) => ({
        recipe: task.recipe,
        maxRetries: task.maxRetries,
        // counted as the engine does already
        priority: -1 - task.priority,
        maxAssignSeconds: BigInt(task.maxAssignSeconds),
        hash: task.hash === null ? null : BigInt(task.hash),
        verifications: task.verifications,
      }));
      await stores.pullTasks.insert(await this.submitPullTasks.rows(project, copies, null));
    }
  }
}

function closed(held: HeldPullTask): Left {
  return { held, state: 'closed', execution: 'succeeded', error: null };
}

/** Only what did not go well has a line: the rest is in the transitions. */
function linesOf({ held, state, error }: Left): LogLine[] {
  if (error === null) return [];
  const what = state === 'failed' ? 'it is tried no further' : 'it waits for a worker again';
  const message = `${error} (retries ${held.retries} of ${held.maxRetries}): ${what}`;
  return [{ jobId: held.id, taskId: held.taskId, severity: 'WARN', progname: 'controller', message }];
}
