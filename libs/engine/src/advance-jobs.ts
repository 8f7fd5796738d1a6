import { Injectable } from '@nestjs/common';
import { Database, type LogLine, type QueuedExecution, type Stores, type TaskRecord } from '@task-engine/database';
import { planTasks } from '@task-engine/workflows';
import { HintSender } from './hints';
import { JobEvents, lastTask, type JobEvent, type JobView } from './job-events';
import { JobViews } from './job-views';

export interface Advanced {
  executions: QueuedExecution[];
  deliveries: { id: string }[];
  /** Lanes in which a slot came free. */
  lanes: number[];
}

/**
 * Takes started jobs one step on: queues the tasks whose needs are done, skips what does not apply, finishes jobs that are settled.
 * Says nothing twice: a second call for the same state finds nothing to do.
 */
@Injectable()
export class AdvanceJobs {
  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly events: JobEvents,
    private readonly hints: HintSender,
  ) {}

  /** Answers the lanes in which a slot came free. Jobs that are not started are left alone. */
  async run(jobIds: string[]): Promise<number[]> {
    const advanced = await this.database.transaction((stores) => this.within(stores, jobIds));
    await this.hints.send({
      executions: advanced.executions,
      deliveries: advanced.deliveries,
    });
    return advanced.lanes;
  }

  /** The same inside a transaction of the caller, who sends the hints after COMMIT. */
  async within(stores: Stores, jobIds: string[]): Promise<Advanced> {
    const views = await this.views.of(await stores.jobs.lockStarted(jobIds), stores);
    const plans = views.map((view) => ({
      view,
      plan: planTasks(view.definition, view.tasks, this.events.context(view.job)),
    }));

    const named = (view: JobView, names: string[]) => view.tasks.filter((task) => names.includes(task.name));
    await stores.tasks.skip(plans.flatMap(({ view, plan }) => mark(named(view, plan.skip), 'skipped')));
    for (const { view, plan } of plans) {
      for (const { name, error } of plan.fail) {
        for (const task of named(view, [name])) {
          await stores.tasks.failWaiting(task.id, error);
          Object.assign(task, { state: 'failed', error });
        }
      }
    }
    const starting = plans.flatMap(({ view, plan }) => named(view, plan.start));
    const queued = new Set(await stores.tasks.queue(mark(starting, 'queued')));
    const executions = await stores.executions.insert(
      starting
        .filter((task) => queued.has(task.id))
        .map((task) => ({
          taskId: task.id,
          jobId: task.jobId,
          queue: task.queue,
        })),
      'first',
    );

    const ended = await this.finish(stores, plans);
    return { executions, ...ended };
  }

  private async finish(
    stores: Stores,
    plans: { view: JobView; plan: ReturnType<typeof planTasks> }[],
  ): Promise<Omit<Advanced, 'executions'>> {
    const settled = plans.filter(({ plan }) => plan.outcome);
    const completed = new Set(
      await stores.jobs.complete(
        settled.filter(({ plan }) => plan.outcome?.state === 'completed').map(({ view }) => view.job.id),
      ),
    );
    const lines: LogLine[] = [];
    const events: { view: JobView; event: JobEvent }[] = [];
    for (const { view, plan } of plans) {
      for (const { name, error } of plan.fail) {
        const task = view.tasks.find((candidate) => candidate.name === name)!;
        lines.push({
          jobId: view.job.id,
          taskId: task.id,
          severity: 'ERROR',
          progname: 'controller',
          message: `'${name}' failed: ${error}`,
        });
        events.push({
          view,
          event: { kind: 'task', event: 'fail', task, message: error },
        });
      }
    }
    for (const { view, plan } of settled) {
      const about = {
        jobId: view.job.id,
        taskId: lastTask(view.tasks)?.id,
        progname: 'controller' as const,
      };
      if (plan.outcome?.state === 'completed' && completed.has(view.job.id)) {
        lines.push({ ...about, message: 'job has completed successfully' });
        events.push({ view, event: { kind: 'job', state: 'completed' } });
      } else if (plan.outcome?.state === 'failed' && (await stores.jobs.fail(view.job.id, plan.outcome.error))) {
        lines.push({
          ...about,
          severity: 'ERROR',
          message: `job has failed: ${plan.outcome.error}`,
        });
        events.push({
          view,
          event: { kind: 'job', state: 'failed', error: plan.outcome.error },
        });
      }
    }
    await stores.jobLog.append(lines);
    return {
      deliveries: await this.events.deliver(stores, events),
      lanes: settled.map(({ view }) => view.job.laneId),
    };
  }
}

/** Keeps the picture in memory true to what is written, and answers the ids to write. */
function mark(tasks: TaskRecord[], state: 'skipped' | 'queued'): string[] {
  for (const task of tasks) task.state = state;
  return tasks.map((task) => task.id);
}
