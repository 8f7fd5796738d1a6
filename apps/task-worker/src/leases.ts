import { Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import type { Lease } from '@task-engine/database';
import { HeartbeatExecutions } from '@task-engine/engine';
import { NotificationServer } from '@task-engine/messaging';
import { CONFIGURATION, Log, Shutdown, type WorkerConfiguration } from '@task-engine/platform';

/**
 * Why a running execution must stop. `unreachable`: PostgreSQL has not answered for as long as a lease lasts, so that it may be another's by
 * now. Nobody knows yet: what is reported is taken if it is not, and work that was cut short is handed back, which counts as no loss.
 */
export type StopReason = 'stopped' | 'lease lost' | 'shutdown' | 'unreachable';

/** Whether a report may still be taken after such a stop. */
export function mayReport(reason: StopReason): boolean {
  return reason === 'shutdown' || reason === 'unreachable';
}

interface Held {
  lease: Lease;
  controller: AbortController;
  /** When the lease ends unless it is renewed, by this process's monotonic clock, in milliseconds. */
  endsAt: number;
}

/**
 * The leases this process holds. Renewed together; an execution whose lease is gone, or may be gone because PostgreSQL did not answer in
 * time, is aborted: from then on another worker may run it.
 */
@Injectable()
export class Leases implements OnApplicationBootstrap {
  private readonly held = new Map<string, Held>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly heartbeatExecutions: HeartbeatExecutions,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
    notifications: NotificationServer,
    @Inject(CONFIGURATION) private readonly configuration: WorkerConfiguration,
  ) {
    notifications.handle('execution.stop', ({ executionIds }) => {
      for (const id of executionIds) this.held.get(id)?.controller.abort('stopped' satisfies StopReason);
    });
  }

  onApplicationBootstrap(): void {
    const beat = () =>
      void this.beat().finally(() => (this.timer = setTimeout(beat, this.configuration.HEARTBEAT_SECONDS * 1_000)));
    this.timer = setTimeout(beat, this.configuration.HEARTBEAT_SECONDS * 1_000);
    this.shutdown.onDrain('leases', (deadline) => this.handBack(deadline));
    this.shutdown.onFlush('leases', () => clearTimeout(this.timer));
  }

  /** Holds a lease that was claimed at `claimedAt` (performance.now() before the claim). */
  hold(lease: Lease, claimedAt: number): void {
    this.held.set(lease.executionId, {
      lease,
      controller: new AbortController(),
      endsAt: claimedAt + this.configuration.LEASE_SECONDS * 1_000,
    });
  }

  /** Of a lease that is held. Aborts with a StopReason. */
  signal(executionId: string): AbortSignal {
    return this.held.get(executionId)!.controller.signal;
  }

  release(executionId: string): void {
    this.held.delete(executionId);
  }

  private async beat(): Promise<void> {
    if (this.held.size === 0) return;
    const asked = [...this.held.values()];
    const at = performance.now();
    try {
      const alive = await this.heartbeatExecutions.run(
        asked.map((held) => held.lease),
        this.configuration.LEASE_SECONDS,
      );
      for (const held of asked) {
        if (alive.has(held.lease.executionId)) held.endsAt = at + this.configuration.LEASE_SECONDS * 1_000;
        // Reported or stopped meanwhile: the first needs nothing, the second must stop.
        else if (this.held.has(held.lease.executionId)) held.controller.abort('lease lost' satisfies StopReason);
      }
    } catch (error) {
      this.log.warn({ err: error, leases: asked.length }, 'leases could not be renewed');
      for (const held of asked)
        if (held.endsAt <= performance.now()) held.controller.abort('unreachable' satisfies StopReason);
    }
  }

  /** Waits for running work; at the deadline what is left is stopped and handed back. */
  private async handBack(deadline: AbortSignal): Promise<void> {
    const stop = () => {
      for (const held of this.held.values()) held.controller.abort('shutdown' satisfies StopReason);
    };
    if (deadline.aborted) stop();
    else deadline.addEventListener('abort', stop, { once: true });
    // What must end is ended by its processor; this function only tells it to.
    return Promise.resolve();
  }
}
