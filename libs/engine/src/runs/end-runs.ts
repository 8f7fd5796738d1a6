import { Injectable } from '@nestjs/common';
import type { FinalRunState } from '@task-engine/domain';
import type { RunResult, RunWithCommand, Stores } from '@task-engine/database';
import type { JobView } from '../job-events';
import type { CommandRequest } from './command-request';
import { isRun } from './run-definition';
import { RunEvents } from './run-events';
import { RunJobs } from './run-jobs';

/** Delay before a further run, in seconds: doubled for each one, from twice this (reference/fastlane.md section 2, "Constants"). */
const RETRY_BASE_SECONDS = 1;
const RETRY_FACTOR = 2;
/** No delay is longer. */
const RETRY_MAX_SECONDS = 86_400;
/** Old runs deleted at one end; the next end deletes further ones. */
const FORGET = 100;

/** What an executor says of a run that did not come to exit code 0, as output of its task. */
export interface RunFailure {
  state: Exclude<FinalRunState, 'succeeded'>;
  exitCode: number | null;
  /** The engine's own words, beside what the command wrote. */
  error: string | null;
  /** Its image could not be had. */
  noImage?: boolean;
}

export interface EndedRuns {
  deliveries: { id: string }[];
  /** In which further runs of their groups wait, wherever they ran themselves. */
  lanes: number[];
}

/** Ends runs with their jobs, and decides what comes of it: a further run, webhooks, mails. */
@Injectable()
export class EndRuns {
  constructor(
    private readonly events: RunEvents,
    private readonly runJobs: RunJobs,
  ) {}

  /** In the transaction that finishes the jobs, of which those that are no runs are left alone. */
  async of(stores: Stores, views: JobView[]): Promise<EndedRuns> {
    const runs = views.filter(({ definition }) => isRun(definition));
    if (runs.length === 0) return { deliveries: [], lanes: [] };
    const results = runs.map(({ job, tasks: [task] }): RunResult & Pick<RunFailure, 'noImage'> => {
      if (task?.state === 'completed') return { jobId: job.id, state: 'succeeded', exitCode: 0, error: null };
      const told = task?.output as Partial<RunFailure> | null | undefined;
      if (told?.state !== undefined) return { exitCode: null, error: null, ...told, state: told.state, jobId: job.id };
      // its worker had no chance to say more
      return { jobId: job.id, state: 'failed', exitCode: null, error: task?.error ?? 'the run was given up' };
    });
    const noImage = new Set(results.filter((result) => result.noImage).map((result) => result.jobId));
    return this.end(stores, results, ({ jobId }) => noImage.has(jobId));
  }

  /** Ends runs that never started, or never will. No further run follows. Answers the deliveries. */
  async cancel(stores: Stores, jobIds: string[], error: string): Promise<{ id: string }[]> {
    const results = jobIds.map((jobId): RunResult => ({ jobId, state: 'failed', exitCode: null, error }));
    return (await this.end(stores, results, () => false)).deliveries;
  }

  private async end(
    stores: Stores,
    results: RunResult[],
    hadNoImage: (run: RunWithCommand) => boolean,
  ): Promise<EndedRuns> {
    const ended = await stores.runs.finish(results);
    for (const run of ended) {
      const request = run.request as unknown as Pick<CommandRequest, 'retryPull'>;
      const repeatable = run.exitCode !== null || (request.retryPull && hadNoImage(run));
      if (run.state === 'failed' && !run.stopRequested && repeatable) await this.repeat(stores, run);
    }
    // before anything is forgotten: a run of which something is to be sent is kept until it is
    const deliveries = await this.events.deliver(stores, ended);
    for (const { commandId, request } of ended) {
      const { keptRuns } = request as unknown as Pick<CommandRequest, 'keptRuns'>;
      if (keptRuns !== null) await this.forget(stores, commandId, keptRuns);
    }
    return { deliveries, lanes: ended.map(({ laneId }) => laneId) };
  }

  private async repeat(stores: Stores, run: RunWithCommand): Promise<void> {
    const number = await stores.commands.countRetry(run.commandId);
    if (number === undefined) return;
    const delay = Math.min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * RETRY_FACTOR ** Math.min(number, 40));
    await this.runJobs.insert(stores, [
      { ...run, cause: 'retry', dueAt: new Date(Date.now() + delay * 1_000), requestedFrom: null },
    ]);
  }

  private async forget(stores: Stores, commandId: string, keep: number): Promise<void> {
    const jobIds = await stores.runs.beyond(commandId, keep, FORGET);
    if (jobIds.length === 0) return;
    await stores.totals.forget(jobIds, await stores.totals.lock());
    await stores.jobs.delete(jobIds);
  }
}
