import { Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Leadership } from '@task-engine/database';
import { Log, Metrics, Shutdown } from '@task-engine/platform';
import { Bookkeeper } from './bookkeeper';
import { Timekeeper } from './timekeeper';
import { WorkerWatch } from './worker-watch';

/** Pause between two attempts to lead, and between two looks whether this process still does. */
const ATTEMPT_MS = 2_000;

/** Makes this process the one that keeps the time whenever no other does. */
@Injectable()
export class Leader implements OnApplicationBootstrap {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly leadership: Leadership,
    private readonly timekeeper: Timekeeper,
    private readonly bookkeeper: Bookkeeper,
    private readonly workerWatch: WorkerWatch,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    metrics.gauge('scheduler_leader', '1 in the process that keeps the time', [], (gauge) =>
      gauge.set(leadership.held ? 1 : 0),
    );
  }

  onApplicationBootstrap(): void {
    this.leadership.onLost(() => {
      this.log.warn('leadership lost: the connection to PostgreSQL that held it ended');
      void this.timekeeper.stop();
      void this.bookkeeper.stop();
      void this.workerWatch.stop();
    });
    this.shutdown.onStopIntake('leader', async () => {
      clearTimeout(this.timer);
      await Promise.all([this.timekeeper.stop(), this.bookkeeper.stop(), this.workerWatch.stop()]);
      await this.leadership.resign();
    });
    void this.attempt();
  }

  private async attempt(): Promise<void> {
    try {
      const led = this.leadership.held;
      const leads = await this.leadership.tryAcquire();
      if (this.shutdown.started) await this.leadership.resign();
      else if (leads && !led) {
        this.log.info('this process leads: it releases due jobs, expires leases and sweeps');
        this.timekeeper.start();
        this.bookkeeper.start();
        this.workerWatch.start();
      }
    } catch (error) {
      this.log.warn({ err: error }, 'could not ask for leadership');
    }
    if (!this.shutdown.started) this.timer = setTimeout(() => void this.attempt(), ATTEMPT_MS);
  }
}
