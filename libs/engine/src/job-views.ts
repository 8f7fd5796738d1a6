import { Injectable } from '@nestjs/common';
import type { JobRecord, Stores, TaskRecord } from '@task-engine/database';
import { DefinitionCache } from './definition-cache';
import type { JobView } from './job-events';

/** Puts jobs together with their definitions and tasks: two statements at most for any number of jobs. */
@Injectable()
export class JobViews {
  constructor(private readonly definitions: DefinitionCache) {}

  /** Jobs that have no tasks yet. */
  async withoutTasks(jobs: JobRecord[], stores: Stores): Promise<JobView[]> {
    if (jobs.length === 0) return [];
    const definitions = await this.definitions.get(
      jobs.map((job) => job.definitionDigest),
      stores,
    );
    return jobs.map((job) => ({ job, definition: definitions.get(job.definitionDigest)!, tasks: [] }));
  }

  /** @param known tasks as they stand now; the tasks of a job that has no others are not read again */
  async of(jobs: JobRecord[], stores: Stores, known: TaskRecord[] = []): Promise<JobView[]> {
    const views = await this.withoutTasks(jobs, stores);
    const byJob = new Map(views.map((view) => [view.job.id, view]));
    for (const task of known) byJob.get(task.jobId)?.tasks.push(task);
    const incomplete = views.filter(({ definition, tasks }) => tasks.length < definition.tasks.length);
    if (incomplete.length > 0) {
      for (const view of incomplete) view.tasks = [];
      const tasks = await stores.tasks.ofJobs(incomplete.map(({ job }) => job.id));
      for (const task of tasks) byJob.get(task.jobId)!.tasks.push(task);
    }
    return views;
  }
}
