import { Inject, Injectable } from '@nestjs/common';
import { type AssignedPullTask, Database, type ProjectRecord } from '@task-engine/database';
import { Batch } from '../batch';
import { PULL_OPTIONS, type PullOptions } from './pull-options';
import { ProjectGates } from './project-gates';
import { enginePriority } from './submit-pull-tasks';

export type ClaimRefusal =
  { refused: 'unknown_project' | 'paused_worker' | 'none' } | { refused: 'rate'; delaySeconds: number };

/** Claims that arrive together and share a statement. */
const BATCH = 50;
/** What upstream answers for what never comes, in seconds (reference/task-tracker.md 2.7). */
const NEVER_SECONDS = 9_223_372_036.854776;
/** A look at everything that found nothing is not repeated for so many times as long as it took. */
const LOOK_SHARE = 20;
/** Projects whose claims are gathered at one time. */
const GATHERED = 1_000;

/** Gives workers the tasks that they ask for: the engine's claim, with the time that a worker may have a task as the lease. */
@Injectable()
export class ClaimPullTasks {
  /** By project and worker, until when a look at everything is not repeated that found nothing. */
  private readonly emptyUntil = new Map<string, number>();
  private readonly claims = new Map<number, Batch<number, AssignedPullTask | undefined>>();

  constructor(
    private readonly database: Database,
    private readonly gates: ProjectGates,
    @Inject(PULL_OPTIONS) private readonly options: PullOptions,
  ) {}

  /** The next task of the project for this worker. A claim that finds none has used the project's token all the same. */
  async run(
    workerId: number,
    projectId: bigint,
  ): Promise<{ task: AssignedPullTask & { project: ProjectRecord } } | ClaimRefusal> {
    const gate = await this.gates.find(projectId, workerId);
    if (!gate) return { refused: 'unknown_project' };
    if (gate.workerPaused) return { refused: 'paused_worker' };
    if (gate.assignRate !== null) {
      const delaySeconds =
        gate.assignRate > 0 ? await this.database.stores.projectLimits.takeToken(gate.id, 'assign') : NEVER_SECONDS;
      if (delaySeconds > 0) return { refused: 'rate', delaySeconds };
    }
    const task = await this.gather(gate.id).add(workerId);
    return task ? { task: { ...task, priority: enginePriority(task.priority), project: gate } } : { refused: 'none' };
  }

  private gather(projectId: number): Batch<number, AssignedPullTask | undefined> {
    let batch = this.claims.get(projectId);
    if (!batch) {
      if (this.claims.size >= GATHERED) this.claims.delete(this.claims.keys().next().value!);
      batch = new Batch((workers) => this.claim(projectId, workers), { size: BATCH, parallel: 1 });
      this.claims.set(projectId, batch);
    }
    return batch;
  }

  /** One task for each worker, in the order in which they have asked. One that asks twice at a time gets two. */
  private async claim(projectId: number, workerIds: number[]): Promise<(AssignedPullTask | undefined)[]> {
    const { pullTasks } = this.database.stores;
    const tasks = await pullTasks.claim(projectId, workerIds, this.options.reclaimSeconds);
    if (tasks.length < workerIds.length && (await pullTasks.anyVoted(projectId))) {
      const given = new Set(tasks.map(({ workerId }) => workerId));
      for (const workerId of workerIds.filter((id) => !given.has(id))) {
        const task = await this.claimUnvoted(projectId, workerId);
        if (task) tasks.push(task);
      }
    }
    return workerIds.map((workerId) => {
      const index = tasks.findIndex((task) => task.workerId === workerId);
      return index < 0 ? undefined : tasks.splice(index, 1)[0];
    });
  }

  /** A worker that has voted for everything would have all of it looked through at each of its questions, and the others would wait for that. */
  private async claimUnvoted(projectId: number, workerId: number): Promise<AssignedPullTask | undefined> {
    const { pullTasks } = this.database.stores;
    const { reclaimSeconds } = this.options;
    const first = await pullTasks.claimUnvoted(projectId, workerId, reclaimSeconds, false);
    const key = `${projectId} ${workerId}`;
    if (first || performance.now() < (this.emptyUntil.get(key) ?? 0)) return first;
    const began = performance.now();
    const found = await pullTasks.claimUnvoted(projectId, workerId, reclaimSeconds, true);
    const ended = performance.now();
    if (this.emptyUntil.size >= GATHERED) this.emptyUntil.clear();
    if (!found) this.emptyUntil.set(key, ended + LOOK_SHARE * (ended - began));
    return found;
  }
}
