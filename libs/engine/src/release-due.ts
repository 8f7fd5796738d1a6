import { Injectable } from '@nestjs/common';
import { backoffSeconds } from '@task-engine/domain';
import { Database } from '@task-engine/database';
import { WorkQueues } from '@task-engine/messaging';
import { maskText } from '@task-engine/platform';
import { HintSender } from './hints';
import { ENGINE_LANE, Lanes } from './lanes';

const BATCH = 1_000;
/** A probe that was handed out but never answered (its process died) is handed out again after this long, in seconds. */
const PROBE_HOLD_SECONDS = 30;
/** First delay after a semaphore said no, in seconds; doubles up to the schedule's interval. */
const PROBE_BASE_SECONDS = 1;

/** Moves scheduled jobs whose time has come to the queue, and has the semaphores of due jobs probed. */
@Injectable()
export class ReleaseDue {
  constructor(
    private readonly database: Database,
    private readonly queues: WorkQueues,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param held a lane whose jobs are not released at present, neither by their times nor by their semaphores
   * @returns for each job released, by how many seconds it was late
   */
  async run(held?: number): Promise<number[]> {
    const { dueJobs } = this.database.stores;
    const late: number[] = [];
    for (;;) {
      const released = await dueJobs.releaseDue(BATCH, held);
      late.push(...released.map((job) => job.lateSeconds));
      await this.hints.send({ queued: released.map((job) => job.laneId) });
      if (released.length < BATCH) break;
    }
    // only jobs of workflows have semaphores
    while (held === undefined) {
      const ids = await dueJobs.takeDueSemaphores(BATCH, PROBE_HOLD_SECONDS);
      if (ids.length > 0) {
        const epoch = await this.queues.epoch();
        await this.queues.add(
          'scheduler',
          ids.map((jobId) => ({ key: `semaphore-${jobId}-${epoch}`, data: { jobId } })),
        );
      }
      if (ids.length < BATCH) break;
    }
    return late;
  }
}

export type Answer = { open: true } | { open: false; why: string };

/** Asks one job's semaphore and acts on the answer. */
@Injectable()
export class ProbeSemaphore {
  constructor(
    private readonly database: Database,
    private readonly lanes: Lanes,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param probe asks the URL: open for 2xx and 3xx, not open for anything else, a fault included
   * @returns the answer; undefined when the job no longer waits for a semaphore
   */
  async run(jobId: string, probe: (url: string) => Promise<Answer>): Promise<boolean | undefined> {
    const { dueJobs, schedules } = this.database.stores;
    const semaphore = await dueJobs.semaphore(jobId);
    if (!semaphore) return undefined;
    const answer = await probe(semaphore.url);
    if (answer.open) {
      if (await dueJobs.openSemaphore(jobId, semaphore.url))
        await this.hints.send({ queued: [await this.lanes.id(ENGINE_LANE)] });
      return true;
    }
    const interval =
      (await schedules.list()).find((schedule) => schedule.name === RELEASE_SCHEDULE)?.everySeconds ?? 60;
    const delay = backoffSeconds(semaphore.tries + 1, {
      baseSeconds: PROBE_BASE_SECONDS,
      maxSeconds: interval,
    });
    await dueJobs.closeSemaphore(jobId, semaphore.url, delay);
    await this.hints.send({ dueChanged: true });
    if (semaphore.tries === 0) {
      const message = `Semaphore ${maskText(semaphore.url)} does not say yes (${answer.why}); it is asked again`;
      await this.database.stores.jobLog.append([{ jobId, severity: 'WARN', progname: 'controller', message }]);
    }
    return false;
  }
}

/** Name of the schedule that releases due jobs (seeds/task-engine-api.md, GET /schedules). */
export const RELEASE_SCHEDULE = 'queue_scheduled_jobs';
