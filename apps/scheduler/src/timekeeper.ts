import { Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Database, isUnavailable } from '@task-engine/database';
import {
  ExpireLeases,
  FireCommands,
  Lanes,
  ProjectUpkeep,
  RELEASE_SCHEDULE,
  ReleaseDue,
  RetainJobs,
  SweepLost,
  TimeOutJobs,
} from '@task-engine/engine';
import { NotificationServer, WorkQueues } from '@task-engine/messaging';
import { CONFIGURATION, Log, Metrics, type SchedulerConfiguration } from '@task-engine/platform';

/** A hint that nobody took up for this long counts as lost, in seconds. */
const PATIENCE_SECONDS = 5;
/** The longest the leader sleeps while it knows of nothing: what a lost nudge and a missed lease may cost. */
const LONGEST_SLEEP_MS = 1_000;
const RETAIN_MS = 3_600_000;
/**
 * After PostgreSQL was away, for workers to renew or hand back leases that ran out meanwhile, in milliseconds: one beat and something. A
 * worker that is alive is not taken for dead because nobody could hear it.
 */
const EXPIRY_GRACE_MS = 4_000;

interface Done {
  /** Lane whose jobs are not released: the schedule that does it is switched off. */
  held: number | undefined;
  expires: boolean;
  /** Commands can be fired at present. */
  fires: boolean;
  released: number;
}

/**
 * What the leader does: one timer to the next due time it knows. Everything it does is a guarded statement, so a second leader for an
 * instant (the first one's connection broke and it has not noticed) does nothing twice.
 */
@Injectable()
export class Timekeeper implements OnApplicationBootstrap {
  private leading = false;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();
  private working = false;
  private again = false;
  private sweptAt = 0;
  /** Redis was away: whatever waits for a hint waits in vain. */
  private hintsLost = false;
  private retainedAt = 0;
  private upkeep: Promise<void> | undefined;
  /** When projects were counted last. */
  private countedAt = 0;
  /** No lease is expired before, by this process's monotonic clock. */
  private expiresFrom = 0;
  private readonly expired;
  private readonly lateness;

  constructor(
    private readonly database: Database,
    private readonly releaseDue: ReleaseDue,
    private readonly fireCommands: FireCommands,
    private readonly lanes: Lanes,
    private readonly expireLeases: ExpireLeases,
    private readonly projects: ProjectUpkeep,
    private readonly timeOutJobs: TimeOutJobs,
    private readonly sweepLost: SweepLost,
    private readonly retainJobs: RetainJobs,
    private readonly notifications: NotificationServer,
    private readonly queues: WorkQueues,
    private readonly log: Log,
    metrics: Metrics,
    @Inject(CONFIGURATION) private readonly configuration: SchedulerConfiguration,
  ) {
    this.expired = metrics.counter('leases_expired_total', 'Leases whose worker stopped answering');
    this.lateness = metrics.histogram('schedule_lateness_seconds', 'From a due time to the release of its job');
  }

  onApplicationBootstrap(): void {
    this.notifications.handle('schedule.changed', () => this.wake());
    this.queues.onRecovery(() => {
      this.hintsLost = true;
      this.wake();
    });
  }

  start(): void {
    this.leading = true;
    this.spareLeases();
    this.wake();
  }

  async stop(): Promise<void> {
    this.leading = false;
    clearTimeout(this.timer);
    await this.round;
    await this.upkeep;
  }

  /** Looks now. While a round runs, one further round follows: the change may have come after its look. */
  private wake(): void {
    if (!this.leading) return;
    clearTimeout(this.timer);
    if (this.working) {
      this.again = true;
      return;
    }
    this.working = true;
    this.round = this.keepTime().finally(() => {
      this.working = false;
    });
  }

  private async keepTime(): Promise<void> {
    let sleep = LONGEST_SLEEP_MS;
    do {
      this.again = false;
      try {
        sleep = await this.untilNext(await this.tick());
      } catch (error) {
        this.log.error({ err: error }, 'the leader could not do its round, it tries again');
        if (isUnavailable(error)) this.spareLeases();
        sleep = LONGEST_SLEEP_MS;
      }
    } while (this.again && this.leading);
    if (this.leading) this.timer = setTimeout(() => this.wake(), sleep);
  }

  private spareLeases(): void {
    this.expiresFrom = performance.now() + EXPIRY_GRACE_MS;
  }

  /** @returns which jobs are not released, whether leases are expired at all, and how many jobs were released now */
  private async tick(): Promise<Done> {
    const { schedules } = this.database.stores;
    await schedules.fireDue();
    const active = (await schedules.list()).some((schedule) => schedule.name === RELEASE_SCHEDULE && schedule.active);
    const held = active ? undefined : await this.lanes.id('engine');
    const released = await this.releaseDue.run(held);
    const fired = await this.fire();
    const late = [...released, ...(fired ?? [])];
    for (const seconds of late) this.lateness.observe(Math.max(0, seconds));
    const expires = performance.now() >= this.expiresFrom;
    if (expires) this.expired.inc(await this.expireLeases.run());
    this.lookAfterProjects();
    const now = Date.now();
    if (this.hintsLost || now - this.sweptAt >= this.configuration.SWEEP_SECONDS * 1_000) {
      const patience = this.hintsLost ? 0 : PATIENCE_SECONDS;
      this.hintsLost = false;
      this.sweptAt = now;
      await this.timeOutJobs.run();
      const jobs = await this.sweepLost.run(patience);
      if (jobs > 0) this.log.info({ jobs }, 'hinted again what nobody had picked up');
    }
    if (now - this.retainedAt >= RETAIN_MS) {
      this.retainedAt = now;
      const deleted = await this.retainJobs.run(this.configuration.RETENTION_DAYS);
      if (deleted > 0)
        this.log.info({ deleted, days: this.configuration.RETENTION_DAYS }, 'finished jobs deleted by retention');
    }
    return { held, expires, fires: fired !== undefined, released: late.length };
  }

  /** What cannot be fired must not keep leases from running out. @returns undefined when none can be fired at all */
  private async fire(): Promise<number[] | undefined> {
    try {
      const { late, failed } = await this.fireCommands.run();
      for (const { error: err, pauseMs, group, uuid } of failed)
        this.log.error({ err, group, command: uuid, pauseMs }, 'a command could not be fired, it is tried again later');
      return late;
    } catch (error) {
      if (isUnavailable(error)) throw error;
      this.log.error({ err: error }, 'commands could not be fired, a later round tries again');
      return undefined;
    }
  }

  /** Beside the round: what takes long here keeps no job waiting. */
  private lookAfterProjects(): void {
    this.upkeep ??= this.keepProjects()
      .catch((error: unknown) =>
        this.log.warn({ err: error }, 'projects could not be looked after, the next round tries again'),
      )
      .finally(() => (this.upkeep = undefined));
  }

  private async keepProjects(): Promise<void> {
    // a pull worker says nothing while it works: silence of PostgreSQL was no silence of its
    await this.projects.reclaim();
    const seconds = this.configuration.TASK_TRACKER_SNAPSHOT_SECONDS;
    if (Date.now() - this.countedAt < seconds * 1_000) return;
    const first = this.countedAt === 0;
    this.countedAt = Date.now();
    await this.projects.removeOrphans();
    await this.projects.forgetLogs(this.configuration.RETENTION_DAYS);
    // the first one comes after the first interval
    if (!first) await this.projects.snapshot(seconds);
  }

  /** Milliseconds until the next due time, by the database's clock. */
  private async untilNext({ held, expires, fires, released }: Done): Promise<number> {
    const { dueJobs, executions, schedules } = this.database.stores;
    const { at: job, now } = await dueJobs.nextDue(held);
    const expiry = expires ? await executions.nextExpiry() : null;
    const firing = fires ? await this.fireCommands.nextDue() : null;
    const times = [job, expiry, firing, await schedules.nextDue()].filter((at) => at !== null);
    const next = Math.min(...times.map((at) => at.getTime() - now.getTime()), LONGEST_SLEEP_MS);
    if (next > 0) return next;
    // Never a busy loop: when nothing could be done, what is due and cannot be released (a locked row) waits for a later look.
    return released > 0 ? 0 : 50;
  }
}
