import { setTimeout as delay } from 'node:timers/promises';
import type { GraphOperation, Operation, Submission } from '../history';
import { Random } from '../random';
import type { Recorder } from '../recorder';
import { type Account, type ApiClient, requestOf } from './api-client';
import type { Endpoints } from './endpoints';
import { clientPlan, operatorPlan, type PlannedJob, type PlannedOperation, type Step } from './operation-plan';

/** One caller of the API that carries out a plan, one request after the other. */
export class Driver {
  /** Ids by the number of the submission; undefined where no answer told one. */
  private readonly submitted: (string | undefined)[] = [];
  private steps = 0;
  /** What outlasts a step. */
  private readonly lasting: Promise<unknown>[] = [];

  private constructor(
    private readonly name: string,
    private readonly account: Account,
    private readonly plan: Generator<Step, never>,
    private readonly api: ApiClient,
    private readonly endpoints: Endpoints,
    private readonly recorder: Recorder,
  ) {}

  static client(name: string, account: Account, random: Random, meanWaitMs: number, rest: Rest): Driver {
    return new Driver(name, account, clientPlan(random.branch(name), meanWaitMs), ...rest);
  }

  static operator(account: Account, random: Random, meanWaitMs: number, rest: Rest): Driver {
    return new Driver('operator', account, operatorPlan(random.branch('operator'), meanWaitMs), ...rest);
  }

  async run(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const { waitMs, operation } = this.plan.next().value;
      await delay(waitMs, undefined, { signal: until }).catch(() => undefined);
      if (until.aborted) break;
      this.steps += 1;
      await this.carryOut(operation);
    }
    await Promise.all(this.lasting);
  }

  private async carryOut(planned: PlannedOperation): Promise<void> {
    if (planned.kind === 'submit') return this.submit(planned.job);
    if (!('target' in planned)) return this.govern(planned);
    const jobId = this.submitted[planned.target];
    if (jobId === undefined) return;
    if (planned.kind === 'rank') {
      // a failure here means that PostgreSQL is away; nothing depends on it
      await this.recorder
        .query('UPDATE job SET top_of_queue = $2, position = $3 WHERE id = $1', [
          jobId,
          planned.topOfQueue,
          planned.position,
        ])
        .catch(() => undefined);
      return;
    }
    const operation = this.requested(planned, jobId);
    await this.api.send(this.account, operation, requestOf(operation));
  }

  private requested(
    planned: Exclude<Extract<PlannedOperation, { target: number }>, { kind: 'rank' }>,
    jobId: string,
  ): Exclude<Operation, { kind: 'submit' } | GraphOperation> {
    switch (planned.kind) {
      case 'priority':
        return { kind: 'priority', jobId, value: planned.value };
      case 'run_at':
        return { kind: 'run_at', jobId, at: Date.now() + planned.inMs };
      case 'semaphore':
        return {
          kind: 'semaphore',
          jobId,
          url: planned.opensAfterMs === null ? null : this.endpoints.semaphore(planned.opensAfterMs),
        };
      default:
        return { kind: planned.kind, jobId };
    }
  }

  private async submit(job: PlannedJob): Promise<void> {
    const number = this.submitted.push(undefined) - 1;
    const submission: Submission = {
      mark: `${this.name}-${number}`,
      workflow: job.workflow,
      priority: job.priority,
      endpoints: job.endpoints.map((endpoint) => this.endpoints.callback(endpoint)),
      ...(job.inMs !== undefined && { runAt: Date.now() + job.inMs }),
      ...(job.opensAfterMs !== undefined && { semaphoreUrl: this.endpoints.semaphore(job.opensAfterMs) }),
    };
    const json = {
      job: {
        workflow: job.workflow,
        priority: job.priority,
        ...(submission.runAt !== undefined && { run_at: new Date(submission.runAt).toISOString() }),
        ...(submission.semaphoreUrl && { semaphore_url: submission.semaphoreUrl }),
      },
      parameters: {
        ...job.parameters,
        content_id: submission.mark,
        ...(submission.endpoints.length > 0 && { rest_endpoints: submission.endpoints }),
      },
    };
    const { status, id } = await this.api.send(
      this.account,
      { kind: 'submit', submission },
      requestOf({ kind: 'submit', json }),
    );
    if (status === 200) this.submitted[number] = id;
  }

  /** What concerns all clients. */
  private async govern(planned: Exclude<PlannedOperation, { kind: 'submit' } | { target: number }>): Promise<void> {
    switch (planned.kind) {
      case 'setting':
      case 'push':
        await this.api.send(this.account, planned, requestOf(planned));
        return;
      case 'cap':
        await this.recorder
          .query(`UPDATE client SET max_running = $1 WHERE name = 'capped-client'`, [planned.value])
          .catch(() => undefined);
        return;
      case 'pause_lane':
        this.lasting.push(this.pauseLane(planned.forMs));
        return;
    }
  }

  private async pauseLane(forMs: number): Promise<void> {
    const set = (paused: boolean) =>
      this.recorder.query(`UPDATE lane SET paused = $1 WHERE name = 'engine'`, [paused]).catch(() => undefined);
    await set(true);
    await delay(forMs);
    await set(false);
  }
}

type Rest = [ApiClient, Endpoints, Recorder];
