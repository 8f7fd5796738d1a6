import { Injectable } from '@nestjs/common';
import type { AssignedPullTask, ProjectRecord } from '@task-engine/database';
import { ClaimPullTasks, type ClaimRefusal } from './claim-pull-tasks';
import { ReleasePullTasks } from './release-pull-tasks';
import { ResetPullTasks } from './reset-pull-tasks';
import { type NewPullTask, SubmitPullTasks, type SubmitRefusal } from './submit-pull-tasks';

/** A task in the hands of a worker. Its priority counts as its submitter's: larger first. */
export type AssignedTask = AssignedPullTask & { project: ProjectRecord };

/** What workers and managers do with tasks, for the API: one name each, the work is in the verbs. */
@Injectable()
export class PullTasks {
  constructor(
    private readonly submitPullTasks: SubmitPullTasks,
    private readonly claimPullTasks: ClaimPullTasks,
    private readonly releasePullTasks: ReleasePullTasks,
    private readonly resetPullTasks: ResetPullTasks,
  ) {}

  submit(worker: { id: number }, projectId: bigint, tasks: NewPullTask[]): Promise<{ ids: string[] } | SubmitRefusal> {
    return this.submitPullTasks.run(worker, projectId, tasks);
  }

  next(worker: { id: number }, projectId: bigint): Promise<{ task: AssignedTask } | ClaimRefusal> {
    return this.claimPullTasks.run(worker.id, projectId);
  }

  /** @returns whether anything was changed: false too for a vote that did not decide */
  release(workerId: number, taskId: bigint, result: bigint, verification: bigint): Promise<boolean> {
    return this.releasePullTasks.run({ workerId, taskId, result, verification });
  }

  resetFailed(projectId: bigint): Promise<number> {
    return this.resetPullTasks.resetFailed(projectId);
  }

  reclaimAssigned(projectId: bigint): Promise<number> {
    return this.resetPullTasks.reclaimAssigned(projectId);
  }

  hardReset(projectId: bigint): Promise<number> {
    return this.resetPullTasks.hardReset(projectId);
  }
}
