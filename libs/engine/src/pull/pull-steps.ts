import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { type NewPullTask, SubmitPullTasks } from './submit-pull-tasks';

/** What became of the pull task of a step. */
export interface StepState {
  /** Of the pull task. */
  id: string;
  state: 'open' | 'failed' | 'closed';
  error: string | null;
}

/** Steps of workflows that workers of a project do: each is a pull task there. */
@Injectable()
export class PullSteps {
  constructor(
    private readonly database: Database,
    private readonly submitPullTasks: SubmitPullTasks,
  ) {}

  /**
   * Makes the step's pull task, unless a try before this one has made it.
   * @param stepId task of the workflow's job
   * @returns false when there is no project of that name
   */
  async begin(stepId: string, project: string, task: NewPullTask): Promise<boolean> {
    const found = await this.database.stores.projectLimits.named(project);
    if (!found) return false;
    await this.database.stores.pullTasks.insert(await this.submitPullTasks.rows(found, [task], stepId));
    return true;
  }

  /** By step. One whose pull task was removed by a manager is not among them. */
  async states(stepIds: string[]): Promise<Map<string, StepState>> {
    const rows = await this.database.stores.pullSteps.ofSteps(stepIds);
    return new Map(rows.map(({ stepId, ...state }) => [stepId, state]));
  }

  /** Nobody waits for it any more: it is removed, from the hands of its worker too. What is over stays. */
  async cancel(stepId: string): Promise<void> {
    await this.database.transaction(async (stores) => {
      const [task] = await stores.pullSteps.ofSteps([stepId]);
      if (!task) return;
      await stores.pullTasks.lock([task.id]);
      const [now] = await stores.pullSteps.ofSteps([stepId]);
      if (now?.state !== 'open') return;
      await stores.totals.forget([task.id], await stores.totals.lock());
      await stores.jobs.delete([task.id]);
    });
  }
}
