import { Injectable } from '@nestjs/common';
import type { JobRecord, LogLine, Stores, TaskRecord } from '@task-engine/database';
import {
  callbackEndpoints,
  ClientConfigurations,
  definitionsLine,
  jobCallback,
  taskCallback,
  type JobContext,
  type ResolvedDefinition,
} from '@task-engine/workflows';

/** A job with all that a decision about it needs. `tasks` are in order. */
export interface JobView {
  job: JobRecord;
  definition: ResolvedDefinition;
  tasks: TaskRecord[];
}

export type JobEvent =
  | {
      kind: 'task';
      event: 'start' | 'complete';
      task: { id: string; name: string };
    }
  | {
      kind: 'task';
      event: 'fail';
      task: { id: string; name: string };
      message: string;
    }
  | { kind: 'job'; state: 'completed' }
  | { kind: 'job'; state: 'failed'; error: string };

/** What an event leaves behind: delivery rows for every endpoint, to be written in the transaction of the transition. */
@Injectable()
export class JobEvents {
  constructor(private readonly clients: ClientConfigurations) {}

  context(job: JobRecord): JobContext {
    return {
      id: job.id,
      priority: job.priority,
      runAt: job.runAt.toISOString(),
      createdAt: job.createdAt.toISOString(),
      client: job.client,
      clientConfiguration: this.clients.for(job.client),
      parameters: job.parameters,
    };
  }

  /** Inserts one delivery per event and endpoint; answers their ids for the hint after COMMIT. */
  async deliver(stores: Stores, events: { view: JobView; event: JobEvent }[]): Promise<{ id: string }[]> {
    const deliveries = events.flatMap(({ view, event }) => {
      const endpoints = callbackEndpoints(view.definition, view.job.parameters);
      if (endpoints.length === 0) return [];
      const subject = {
        definition: view.definition,
        job: this.context(view.job),
        tasks: view.tasks,
        time: new Date(),
      };
      const body =
        event.kind === 'task'
          ? taskCallback({
              ...subject,
              task: event.task,
              event: event.event,
              message: event.event === 'fail' ? event.message : '',
            })
          : jobCallback({ ...subject, outcome: event });
      const text = JSON.stringify(body);
      return endpoints.map((url) => ({
        clientId: view.job.clientId,
        jobId: view.job.id,
        taskId: event.kind === 'task' ? event.task.id : (lastTask(view.tasks)?.id ?? '0'),
        event: event.kind === 'task' ? event.event : `job_${event.state}`,
        url,
        body: text,
        headers: {},
        verifyTls: view.definition.callbacks.verifyTls,
      }));
    });
    return deliveries.length === 0 ? [] : stores.deliveries.insert(deliveries);
  }

  /** The line that says which definitions a task runs with: once per task, by the worker (reference/task-engine-workflows.md 3.1). */
  definitionsLine(view: JobView, taskId: string): LogLine {
    return {
      jobId: view.job.id,
      taskId,
      progname: 'worker',
      message: definitionsLine(view.definition),
    };
  }
}

/** The task that the end of a job is logged against: the last one that ran. */
export function lastTask(tasks: TaskRecord[]): TaskRecord | undefined {
  return tasks.findLast((task) => task.state !== 'skipped' && task.state !== 'waiting') ?? tasks.at(-1);
}
