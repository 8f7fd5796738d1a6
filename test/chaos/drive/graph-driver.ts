import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Submission } from '../history';
import type { Random } from '../random';
import { type Account, type ApiClient, graphRequestOf } from './api-client';
import { graphPlan, type GraphStep, type PlannedGraphOperation, type PlannedGraphTask } from './graph-plan';

/** A caller of the Task Scheduler API that carries out a plan, one request after the other. */
export class GraphDriver {
  /** Ids by the number of the submission; undefined where no answer told one. */
  private readonly submitted: (string | undefined)[] = [];
  private readonly plan: Generator<GraphStep, never>;

  /** @param folder in which each task writes down its tries, in a file of its mark */
  constructor(
    private readonly name: string,
    private readonly account: Account,
    random: Random,
    meanWaitMs: number,
    private readonly api: ApiClient,
    private readonly folder: string,
  ) {
    this.plan = graphPlan(random.branch(name), meanWaitMs);
  }

  async run(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const { waitMs, operation } = this.plan.next().value;
      await delay(waitMs, undefined, { signal: until }).catch(() => undefined);
      if (until.aborted) break;
      await this.carryOut(operation);
    }
  }

  private async carryOut(planned: PlannedGraphOperation): Promise<void> {
    if (planned.kind === 'submit') return this.submit(planned.task);
    const jobId = this.submitted[planned.target];
    if (jobId === undefined) return;
    const operation =
      planned.kind === 'depend'
        ? ({ kind: 'depend', jobId, on: this.idsOf(planned.on) } as const)
        : ({ kind: planned.kind, jobId } as const);
    await this.api.send(this.account, operation, graphRequestOf(operation));
  }

  private async submit(task: PlannedGraphTask): Promise<void> {
    const number = this.submitted.push(undefined) - 1;
    const submission: Submission = {
      mark: `${this.name}-${number}`,
      workflow: 'shell',
      priority: task.priority,
      endpoints: [],
      ...(task.inMs !== undefined && { runAt: Date.now() + task.inMs }),
    };
    const json = {
      name: submission.mark,
      command: commandOf(task, join(this.folder, submission.mark)),
      priority: task.priority,
      dependencies: this.idsOf(task.dependencies).map((id) => `task-${id}`),
      max_retries: task.maxRetries,
      timeout_seconds: 60,
      ...(submission.runAt !== undefined && { scheduled_at: new Date(submission.runAt).toISOString() }),
    };
    const { status, id } = await this.api.send(
      this.account,
      { kind: 'submit', submission },
      { method: 'POST', path: '/api/tasks', json },
    );
    if (status === 201) this.submitted[number] = id;
  }

  private idsOf(numbers: number[]): string[] {
    return numbers.flatMap((number) => this.submitted[number] ?? []);
  }
}

/** Writes `begun` when a try begins and `done` when it succeeds; fails as often as planned. */
function commandOf({ seconds, failures }: PlannedGraphTask, file: string): string {
  return `echo begun >> ${file}; sleep ${seconds}; test $(grep -c begun ${file}) -gt ${failures} && echo done >> ${file}`;
}
