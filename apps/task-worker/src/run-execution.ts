import { Injectable } from '@nestjs/common';
import type { Lease } from '@task-engine/database';
import { Batch, type ClaimedWork, isOfOneItem, type Outcome, type Report, ReportExecutions } from '@task-engine/engine';
import { Log, Metrics, withLogContext } from '@task-engine/platform';
import { JobLogWriter } from './job-log-writer';
import { Leases, mayReport, type StopReason } from './leases';
import { RunTask } from './run-task';

/** Executions reported in one transaction at most. */
const BATCH = 250;
/** Pause before a report that PostgreSQL did not take is sent again, in milliseconds. */
const REPORT_RETRY_MS = 500;

/** Runs what was claimed and reports it. A slot is free when its task has ended; reports follow in batches, their leases held until then. */
@Injectable()
export class RunExecution {
  private readonly reports: Batch<Report, boolean>;
  private readonly open = new Set<Promise<void>>();
  private readonly ended;
  private readonly begun;
  private readonly waited;
  private readonly ran;

  constructor(
    reportExecutions: ReportExecutions,
    metrics: Metrics,
    private readonly runTask: RunTask,
    private readonly leases: Leases,
    private readonly jobLog: JobLogWriter,
    private readonly log: Log,
  ) {
    this.reports = new Batch((reports) => reportExecutions.run(reports), { size: BATCH, parallel: 2 });
    this.ended = metrics.counter('executions_total', 'Executions that ended, by outcome', ['queue', 'outcome']);
    this.begun = metrics.counter('executions_started_total', 'Executions that began, by what caused them', [
      'queue',
      'cause',
    ]);
    this.waited = metrics.histogram('job_wait_seconds', 'From submit, or from the due time, to the first task', [
      'queue',
    ]);
    this.ran = metrics.histogram('execution_run_seconds', 'From begin to report', ['queue']);
  }

  /** Keeps the leases of claimed work until it is run or handed back. `claimedAt` is performance.now() before the claim. */
  hold(claimed: ClaimedWork[], claimedAt: number): void {
    for (const work of claimed) this.leases.hold(leaseOf(work), claimedAt);
  }

  /** Runs one. `ended`: its task is over and its slot free; `reported`: PostgreSQL knows. Neither rejects. */
  run(work: ClaimedWork, queue: string): { ended: Promise<void>; reported: Promise<void> } {
    const { executionId, job, task } = work;
    return withLogContext({ jobId: job.id, taskId: task.id, executionId, client: job.client }, () => {
      const signal = this.leases.signal(executionId);
      const begunAt = performance.now();
      this.countBegin(work, queue);
      for (const line of work.lines) this.jobLog.add(line);
      const cleanUps: (() => Promise<void>)[] = [];
      const outcome = this.runTask.run(work, signal, cleanUps);
      return {
        ended: outcome.then(() => undefined),
        reported: this.follow(this.finish(work, queue, outcome, begunAt, cleanUps)),
      };
    });
  }

  /** Gives back what was claimed but not begun, for other workers. */
  handBack(claimed: ClaimedWork[]): void {
    for (const work of claimed) {
      const signal = this.leases.signal(work.executionId);
      const back = this.report({ ...reportOf(work), outcome: { state: 'released' } }, signal);
      void this.follow(back.then(() => this.leases.release(work.executionId)));
    }
  }

  /** Resolves when everything that was run or handed back is reported. */
  async settled(): Promise<void> {
    while (this.open.size > 0) await Promise.all(this.open);
  }

  private async follow(work: Promise<void>): Promise<void> {
    const followed = work.catch((error: unknown) =>
      this.log.error({ err: error }, 'an execution could not be reported'),
    );
    this.open.add(followed);
    await followed;
    this.open.delete(followed);
  }

  private countBegin({ cause, task, job }: ClaimedWork, queue: string): void {
    this.begun.inc({ queue, cause });
    if (task.ordinal !== 0 || task.tries !== 0) return;
    const due = Math.max(job.createdAt.getTime(), job.runAt.getTime());
    this.waited.observe({ queue }, Math.max(0, Date.now() - due) / 1_000);
  }

  private async finish(
    work: ClaimedWork,
    queue: string,
    running: Promise<Outcome | undefined>,
    begunAt: number,
    cleanUps: (() => Promise<void>)[],
  ): Promise<void> {
    try {
      const outcome = await running;
      // The lease is renewed until the report is in: a report that has to wait for PostgreSQL is not a reason to run twice.
      const taken =
        outcome !== undefined &&
        (await this.report(
          { ...reportOf(work), outcome, lines: this.jobLog.take(work.task.id) },
          this.leases.signal(work.executionId),
        ));
      const result = taken ? outcome.state : 'lease_lost';
      this.ended.inc({ queue, outcome: result });
      this.ran.observe({ queue }, (performance.now() - begunAt) / 1_000);
      this.log.info({ task: work.task.name, outcome: result }, 'execution ended');
      // released or lost: another worker goes on with what is there
      if (taken && outcome.state !== 'released') await Promise.all(cleanUps.map((cleanUp) => cleanUp()));
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
        if (signal.aborted && !mayReport(signal.reason as StopReason)) return false;
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

function leaseOf({ executionId, token }: ClaimedWork): Lease {
  return { executionId, token };
}

function reportOf(work: ClaimedWork): Omit<Report, 'outcome'> {
  return { lease: leaseOf(work), job: work.job, lines: [] };
}
