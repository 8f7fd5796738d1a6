import { Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '@task-engine/database';
import {
  Batch,
  isOfOneItem,
  ClaimExecutions,
  type ClaimedWork,
  type Report,
  ReportExecutions,
  WorkerRegistration,
} from '@task-engine/engine';
import { type Processing, WorkQueues } from '@task-engine/messaging';
import { CONFIGURATION, Log, Metrics, Shutdown, withLogContext, type WorkerConfiguration } from '@task-engine/platform';
import { JobLogWriter } from './job-log-writer';
import { Leases } from './leases';
import { RunTask } from './run-task';

/** Executions claimed or reported in one transaction at most. */
const BATCH = 100;
/** Pause before a report that PostgreSQL did not take is sent again, in milliseconds. */
const REPORT_RETRY_MS = 500;

/**
 * Turns hints into work: claim the row, run the task, report. A hint whose row is taken or not due is dropped. The hint stays active in
 * Bull while its task runs, so that Bull's concurrency is the number of slots.
 */
@Injectable()
export class ExecutionProcessor implements OnApplicationBootstrap {
  private readonly claims: Batch<string, ClaimedWork | undefined>;
  private readonly reports: Batch<Report, boolean>;
  private readonly ended;
  private readonly begun;
  private readonly waited;
  private readonly ran;
  private processings: Processing[] = [];
  private lastChance: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly claimExecutions: ClaimExecutions,
    reportExecutions: ReportExecutions,
    metrics: Metrics,
    private readonly database: Database,
    private readonly runTask: RunTask,
    private readonly leases: Leases,
    private readonly jobLog: JobLogWriter,
    private readonly queues: WorkQueues,
    private readonly registration: WorkerRegistration,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
    @Inject(CONFIGURATION) private readonly configuration: WorkerConfiguration,
  ) {
    const lease = configuration.LEASE_SECONDS;
    this.claims = new Batch((ids) => claimExecutions.run(ids, registration.id, lease), { size: BATCH, parallel: 2 });
    this.reports = new Batch((reports) => reportExecutions.run(reports), { size: BATCH, parallel: 2 });
    this.ended = metrics.counter('executions_total', 'Executions that ended, by outcome', ['queue', 'outcome']);
    this.begun = metrics.counter('executions_started_total', 'Executions that began, by what caused them', [
      'queue',
      'cause',
    ]);
    this.waited = metrics.histogram('job_wait_seconds', 'From submit, or from the due time, to the first task', [
      'queue',
    ]);
    this.ran = metrics.histogram('execution_run_seconds', 'From claim to report', ['queue']);
  }

  async onApplicationBootstrap(): Promise<void> {
    const queues = [
      { queue: 'work', slots: this.configuration.WORK_CONCURRENCY },
      { queue: 'windows_capture', slots: this.configuration.WINDOWS_CAPTURE_CONCURRENCY },
      ...this.configuration.FURTHER_QUEUES,
    ].filter(({ slots }) => slots > 0);
    await this.registration.start('task-worker', queues);
    this.processings = queues.map(({ queue, slots }) =>
      this.queues.process(queue, slots, ({ executionId }) => this.process(executionId, queue)),
    );
    this.shutdown.onStopIntake('executions', async () => {
      await Promise.all(this.processings.map((processing) => processing.pause()));
    });
    this.shutdown.onDrain('executions', async () => {
      await Promise.all(this.processings.map((processing) => processing.close()));
    });
    this.shutdown.onFlush('registration', () => this.registration.stop());
  }

  private async process(executionId: string, queue: string): Promise<void> {
    const claimedAt = performance.now();
    const work = await this.claims.add(executionId);
    if (work) await this.runInContext(work, queue, claimedAt);
    else if (await this.database.stores.executions.onLastChance(executionId)) await this.runAlone(executionId, queue);
  }

  /** One task on its last chance at a time: it is claimed when the one before it has ended. */
  private async runAlone(executionId: string, queue: string): Promise<void> {
    const turn = this.lastChance.then(async () => {
      if (this.shutdown.started) return;
      const claimedAt = performance.now();
      const [work] = await this.claimExecutions.run(
        [executionId],
        this.registration.id,
        this.configuration.LEASE_SECONDS,
        { lastChance: true },
      );
      if (work) await this.runInContext(work, queue, claimedAt);
    });
    this.lastChance = turn.catch(() => undefined);
    await turn;
  }

  private async runInContext(work: ClaimedWork, queue: string, claimedAt: number): Promise<void> {
    const { executionId, job, task } = work;
    await withLogContext({ jobId: job.id, taskId: task.id, executionId, client: job.client }, () =>
      this.runClaimed(work, queue, claimedAt),
    );
  }

  private async runClaimed(work: ClaimedWork, queue: string, claimedAt: number): Promise<void> {
    const lease = { executionId: work.executionId, token: work.token };
    const signal = this.leases.hold(lease, claimedAt);
    this.begun.inc({ queue, cause: work.cause });
    if (work.task.ordinal === 0 && work.task.tries === 0) {
      const due = Math.max(work.job.createdAt.getTime(), work.job.runAt.getTime());
      this.waited.observe({ queue }, Math.max(0, Date.now() - due) / 1_000);
    }
    try {
      const outcome = await this.runTask.run(work, signal);
      // The lease is renewed until the report is in: a report that has to wait for PostgreSQL is not a reason to run twice.
      const taken =
        outcome !== undefined && (await this.report({ lease, outcome, lines: this.jobLog.take(work.task.id) }, signal));
      const result = taken ? outcome.state : 'lease_lost';
      this.ended.inc({ queue, outcome: result });
      this.ran.observe({ queue }, (performance.now() - claimedAt) / 1_000);
      this.log.info({ task: work.task.name, outcome: result }, 'execution ended');
    } finally {
      this.leases.release(work.executionId);
    }
  }

  /** Reports until PostgreSQL took or refused it, or the lease is gone. */
  private async report(report: Report, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      try {
        return await this.reports.add(report);
      } catch (error) {
        if (signal.aborted && signal.reason !== 'shutdown') return false;
        if (isOfOneItem(error) && report.outcome.state === 'succeeded') {
          const reason = `result cannot be stored: ${(error as Error).message}`;
          return this.report({ ...report, outcome: { state: 'failed', error: reason, retryable: false } }, signal);
        }
        this.log.warn({ err: error }, 'report waits for PostgreSQL');
        await new Promise((resolve) => setTimeout(resolve, REPORT_RETRY_MS));
      }
    }
  }
}
