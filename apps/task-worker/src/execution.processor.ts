import { Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '@task-engine/database';
import {
  ClaimExecutions,
  type ClaimedWork,
  GRAPH_QUEUE,
  GraphLanes,
  HintSender,
  RUN_QUEUE,
  WorkerRegistration,
} from '@task-engine/engine';
import { type Processing, WorkQueues } from '@task-engine/messaging';
import { CONFIGURATION, Log, Shutdown, type WorkerConfiguration } from '@task-engine/platform';
import { PULL_STEP_QUEUE } from '@task-engine/workflows';
import { RuntimeReport } from './executors/container/runtime-report';
import { RunExecution } from './run-execution';
import { Slots } from './slots';
import { WorkSource } from './work-source';

/** Between two looks that no hint asked for, in milliseconds: what a lost hint costs at most, and all there is while Redis is away. */
const POLL_MS = 1_000;

interface Source {
  queue: string;
  /** One of many that are mostly empty: only looked into when something waits. */
  seldom: boolean;
  source: WorkSource;
  processing: Processing;
}

/**
 * Turns hints into work. A hint says that something waits in a queue; the table says what, and gives it to whoever claims it first. One
 * hint is taken at a time, and kept until there is room for more: so a busy worker leaves hints to the others.
 */
@Injectable()
export class ExecutionProcessor implements OnApplicationBootstrap {
  private sources: Source[] = [];
  private poll: NodeJS.Timeout | undefined;
  /** Of all queues of graph tasks together. */
  private readonly shellSlots: Slots;
  private readonly retries = new Map<string, NodeJS.Timeout>();
  /** A task on its last chance runs, or is about to be claimed: one at a time. */
  private lastChance = false;

  constructor(
    private readonly claimExecutions: ClaimExecutions,
    private readonly runExecution: RunExecution,
    private readonly database: Database,
    private readonly queues: WorkQueues,
    private readonly hints: HintSender,
    private readonly graphLanes: GraphLanes,
    private readonly registration: WorkerRegistration,
    private readonly runtimeReport: RuntimeReport,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
    @Inject(CONFIGURATION) private readonly configuration: WorkerConfiguration,
  ) {
    this.shellSlots = new Slots(configuration.SHELL_CONCURRENCY);
  }

  async onApplicationBootstrap(): Promise<void> {
    const queues = [
      { queue: 'work', slots: this.configuration.WORK_CONCURRENCY },
      { queue: 'windows_capture', slots: this.configuration.WINDOWS_CAPTURE_CONCURRENCY },
      { queue: RUN_QUEUE, slots: this.configuration.CONTAINER_CONCURRENCY },
      { queue: PULL_STEP_QUEUE, slots: this.configuration.PULL_STEP_CONCURRENCY },
      ...this.configuration.FURTHER_QUEUES,
    ].filter(({ slots }) => slots > 0);
    const shell = (await this.shellQueues()).map((queue) => ({ queue, slots: this.shellSlots.size }));
    await this.registration.start('task-worker', [...queues, ...shell], {
      tags: this.configuration.WORKER_TAGS,
      dataDir: this.configuration.DATA_DIR,
    });
    this.runtimeReport.start();
    this.sources = queues.map(({ queue, slots }) => this.open(queue, slots));
    for (const { queue } of shell) this.sources.push(this.open(queue, this.shellSlots));
    this.schedulePoll();
    this.shutdown.onStopIntake('executions', async () => {
      clearTimeout(this.poll);
      for (const timer of this.retries.values()) clearTimeout(timer);
      for (const { source } of this.sources) source.stop();
      await Promise.all(this.sources.map(({ processing }) => processing.pause()));
    });
    this.shutdown.onDrain('executions', async () => {
      await Promise.all(this.sources.map(({ processing }) => processing.close()));
      await this.runExecution.settled();
    });
    this.shutdown.onFlush('registration', () => this.registration.stop());
  }

  /** Queues of graph tasks that this worker serves and has not opened yet: those of new sets of tags appear while it runs. */
  private async shellQueues(): Promise<string[]> {
    if (this.shellSlots.size === 0) return [];
    const open = new Set(this.sources.map(({ queue }) => queue));
    return (await this.graphLanes.queuesFor(this.configuration.WORKER_TAGS)).filter((queue) => !open.has(queue));
  }

  private open(queue: string, slots: number | Slots): Source {
    const source = new WorkSource({
      slots,
      claim: (limit, since) => this.claim(queue, limit, since),
      run: (work) => this.run(work, queue),
      handBack: (work) => this.runExecution.handBack(work),
      failed: (error) => this.log.warn({ err: error, queue }, 'nothing could be claimed, the next look tries again'),
    });
    const processing = this.queues.process(queue, 1, async () => {
      if (await source.look()) await this.hints.send({ executions: [{ queue }] });
      await source.room();
    });
    return { queue, seldom: slots instanceof Slots && queue !== GRAPH_QUEUE, source, processing };
  }

  private async claim(queue: string, limit: number, since: string | undefined): Promise<ClaimedWork[]> {
    const lastChance = !this.lastChance;
    this.lastChance = true;
    let taken = !lastChance;
    const claimedAt = performance.now();
    try {
      const claimed = await this.claimExecutions.run(
        { queue, limit, since, lastChance },
        this.registration.id,
        this.configuration.LEASE_SECONDS,
      );
      this.runExecution.hold(claimed, claimedAt);
      taken ||= claimed.some((work) => work.lastChance);
      return claimed;
    } finally {
      this.lastChance = taken;
    }
  }

  private async run(work: ClaimedWork, queue: string): Promise<void> {
    const { ended, reported } = this.runExecution.run(work, queue);
    // Until its report is in, its worker may still die of it.
    if (work.lastChance) void reported.finally(() => (this.lastChance = false));
    await ended;
  }

  private schedulePoll(): void {
    if (this.shutdown.started) return;
    this.poll = setTimeout(() => void this.lookEverywhere().finally(() => this.schedulePoll()), POLL_MS);
  }

  private async lookEverywhere(): Promise<void> {
    const seldom = await this.seldomWithWork();
    for (const { queue, seldom: mayBeEmpty, source } of this.sources) {
      source.tidy();
      if (mayBeEmpty && !seldom.has(queue)) continue;
      await source.look();
      await this.expectRetry(queue, source);
    }
  }

  /** Opens what is new. @returns which of the queues that are mostly empty have something */
  private async seldomWithWork(): Promise<Set<string>> {
    if (this.shellSlots.size === 0 || this.configuration.WORKER_TAGS.length === 0) return new Set();
    try {
      const further = await this.shellQueues();
      if (this.shutdown.started) return new Set();
      for (const queue of further) this.sources.push(this.open(queue, this.shellSlots));
      if (further.length > 0)
        await this.registration.serve(further.map((queue) => ({ queue, slots: this.shellSlots.size })));
      const seldom = this.sources.filter((source) => source.seldom).map(({ queue }) => queue);
      return new Set(await this.database.stores.engineWorkers.withWork(seldom, POLL_MS / 1_000));
    } catch (error) {
      this.log.warn({ err: error }, 'the queues of worker tags could not be read, the next look tries again');
      return new Set();
    }
  }

  /** A delayed retry that is due before the next poll gets a look of its own, on time. */
  private async expectRetry(queue: string, source: WorkSource): Promise<void> {
    const seconds = await this.database.stores.executions.nextAvailable(queue).catch(() => null);
    if (seconds === null || seconds * 1_000 > POLL_MS || this.shutdown.started) return;
    clearTimeout(this.retries.get(queue));
    this.retries.set(
      queue,
      setTimeout(() => void source.look(), Math.max(1, seconds * 1_000)),
    );
  }
}
