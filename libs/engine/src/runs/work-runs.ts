import { Injectable } from '@nestjs/common';
import type { OutputStream } from '@task-engine/domain';
import {
  Database,
  type Lease,
  type NewOutput,
  type RunOfLease,
  type RunPlace,
  type RuntimeKind,
} from '@task-engine/database';
import { Notifier } from '@task-engine/messaging';
import { Batch } from '../batch';
import { HintSender } from '../hints';
import { Farms } from './farms';
import { RunEvents } from './run-events';

export interface TakenRun extends RunOfLease {
  /** What is kept of its output: it is more than nothing when another worker began the run. */
  kept: { seq: number; bytes: Record<OutputStream, number> };
}

/** Runs that start together share their statements. */
const BATCHES = { size: 100, parallel: 1 };

/** What a worker does with a run. Everything names the lease: a worker that has lost it changes nothing any more. */
@Injectable()
export class WorkRuns {
  private readonly taking: Batch<Lease, RunOfLease | undefined>;
  private readonly beginning: Batch<Lease & RunPlace, boolean>;

  constructor(
    private readonly database: Database,
    private readonly events: RunEvents,
    private readonly farms: Farms,
    private readonly hints: HintSender,
    private readonly notifier: Notifier,
  ) {
    const { runs } = database.stores;
    this.taking = new Batch(async (leases) => {
      const taken = new Map((await runs.take(leases)).map((run) => [run.executionId, run]));
      return leases.map(({ executionId }) => taken.get(executionId));
    }, BATCHES);
    this.beginning = new Batch(async (begun) => {
      const held = new Set((await runs.begin(begun)).map(({ executionId }) => executionId));
      return begun.map(({ executionId }) => held.has(executionId));
    }, BATCHES);
  }

  /** Undefined when the lease is stale. */
  async take(lease: Lease): Promise<TakenRun | undefined> {
    const run = await this.taking.add(lease);
    if (!run) return undefined;
    // one that was never begun has written nothing
    const kept = run.startedAt
      ? await this.database.stores.runOutput.kept(run.jobId)
      : { seq: 0, bytes: { stdout: 0, stderr: 0 } };
    return { ...run, kept };
  }

  async pulling(lease: Lease): Promise<void> {
    await this.database.stores.runs.pull(lease);
  }

  /**
   * The run goes to another farm, when there is room, and counts there from then on: into its lane, under the lane's lock.
   * @param farm its place in DOCKER_HOSTS, from 0
   * @returns false when there is no room, or the lease is stale
   */
  async enterFarm(lease: Lease, farm: number): Promise<boolean> {
    const laneId = await this.farms.laneAt(farm);
    const { runs } = this.database.stores;
    if (await runs.standsIn(lease, laneId)) return true;
    const left = await this.database.transaction(async (stores) => {
      await stores.lanes.lock(laneId);
      return stores.runs.changeLane(lease, laneId);
    });
    if (left === undefined) return false;
    await this.hints.send({ lanes: [left] });
    return true;
  }

  /** It runs in a container. @returns false when the lease is stale */
  async begin(lease: Lease, run: TakenRun, place: RunPlace): Promise<boolean> {
    const begun = { ...run, ...place, state: 'running', startedAt: new Date() } as const;
    // another worker may have begun it, and told of it
    if (run.startedAt || !this.events.wanted(begun)) {
      if (!(await this.beginning.add({ ...lease, ...place }))) return false;
    } else {
      const deliveries = await this.database.transaction(async (stores) =>
        (await stores.runs.begin([{ ...lease, ...place }])).length === 1
          ? this.events.deliver(stores, [begun])
          : undefined,
      );
      if (!deliveries) return false;
      await this.hints.send({ deliveries });
    }
    return true;
  }

  /** Keeps output behind `seq`. @returns false when the lease is stale */
  async append(lease: Lease, jobId: string, seq: number, pieces: NewOutput[]): Promise<boolean> {
    const kept = await this.database.stores.runOutput.append(jobId, lease, seq, pieces);
    if (kept) this.notifier.emit('run.output', { jobId });
    return kept;
  }

  /** Which of these runs their clients want stopped. */
  async stopRequested(jobIds: string[]): Promise<Set<string>> {
    if (jobIds.length === 0) return new Set();
    return new Set(await this.database.stores.runs.stopRequested(jobIds));
  }

  /** Which of these runs are over, so that what is left of them can go. */
  async over(runUuids: string[]): Promise<Set<string>> {
    if (runUuids.length === 0) return new Set();
    return new Set(await this.database.stores.runs.over(runUuids));
  }

  /** What this worker runs containers with, and how it sees its hosts. */
  async report(workerId: string, kind: RuntimeKind, hosts: unknown[]): Promise<void> {
    await this.database.stores.containerHosts.report(workerId, kind, hosts);
  }
}
