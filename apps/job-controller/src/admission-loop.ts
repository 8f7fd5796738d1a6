import { Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { AdmitJobs, type Admitted } from '@task-engine/engine';
import { NotificationServer } from '@task-engine/messaging';
import { CONFIGURATION, type ControllerConfiguration, Log, Shutdown } from '@task-engine/platform';

/**
 * Fills lanes when somebody nudges, and every poll in case nobody could. A nudge while a lane is being filled makes one further round:
 * what it tells of may have come after the look.
 */
@Injectable()
export class AdmissionLoop implements OnApplicationBootstrap {
  private readonly busy = new Map<number, Promise<void>>();
  private readonly again = new Set<number>();
  /** What the last look left, by lane: whether a job waits, and whether all slots are taken. */
  private readonly left = new Map<number, Pick<Admitted, 'waiting' | 'full'>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly admitJobs: AdmitJobs,
    private readonly notifications: NotificationServer,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
    @Inject(CONFIGURATION) private readonly configuration: ControllerConfiguration,
  ) {
    // What one look left stands until something changes, of which the other notification tells; should that be lost, there is the poll.
    this.notifications.handle('job.queued', ({ laneId }) => {
      if (!this.left.get(laneId)?.full) this.nudge(laneId);
    });
    this.notifications.handle('slot.freed', ({ laneId }) => {
      if (this.left.get(laneId)?.waiting !== false) this.nudge(laneId);
    });
    this.notifications.handle('lane.changed', ({ laneId }) => this.nudge(laneId));
  }

  onApplicationBootstrap(): void {
    this.schedulePoll();
    this.shutdown.onStopIntake('admission', async () => {
      clearTimeout(this.timer);
      await Promise.all(this.busy.values());
    });
  }

  /** Looks at the lane soon. Never throws: the poll tries again. */
  nudge(laneId: number): void {
    if (this.shutdown.started) return;
    if (this.busy.has(laneId)) {
      this.again.add(laneId);
      return;
    }
    this.left.delete(laneId);
    const round = this.fill(laneId).finally(() => {
      this.busy.delete(laneId);
      if (this.again.delete(laneId)) this.nudge(laneId);
    });
    this.busy.set(laneId, round);
  }

  private async fill(laneId: number): Promise<void> {
    try {
      this.left.set(laneId, await this.admitJobs.run(laneId));
    } catch (error) {
      this.log.error({ err: error, laneId }, 'admission failed, the next poll tries again');
    }
  }

  private schedulePoll(): void {
    if (this.shutdown.started) return;
    this.timer = setTimeout(
      () => void this.poll().finally(() => this.schedulePoll()),
      this.configuration.ADMIT_POLL_SECONDS * 1_000,
    );
  }

  private async poll(): Promise<void> {
    try {
      for (const laneId of await this.database.stores.lanes.withQueuedJobs()) {
        this.nudge(laneId);
        await this.busy.get(laneId);
      }
    } catch (error) {
      this.log.warn({ err: error }, 'poll for waiting jobs failed');
    }
  }
}
