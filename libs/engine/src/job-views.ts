import { Injectable } from '@nestjs/common';
import type { JobRecord, Stores, TaskRecord } from '@task-engine/database';
import { DefinitionCache } from './definition-cache';
import type { JobView } from './job-events';

/** Puts jobs together with their definitions and tasks: two statements for any number of jobs. */
@Injectable()
export class JobViews {
  constructor(private readonly definitions: DefinitionCache) {}

  async of(jobs: JobRecord[], stores: Stores): Promise<JobView[]> {
    if (jobs.length === 0) return [];
    const definitions = await this.definitions.get(
      jobs.map((job) => job.definitionDigest),
      stores,
    );
    const tasks = new Map<string, TaskRecord[]>(jobs.map((job) => [job.id, []]));
    for (const task of await stores.tasks.ofJobs([...tasks.keys()])) tasks.get(task.jobId)!.push(task);
    return jobs.map((job) => ({
      job,
      definition: definitions.get(job.definitionDigest)!,
      tasks: tasks.get(job.id)!,
    }));
  }
}
