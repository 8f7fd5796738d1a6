import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { WorkerRegistration } from '@task-engine/engine';
import { Log, Shutdown } from '@task-engine/platform';

const AGAIN_MS = 3_000;

/** The gateway's row among the processes of the installation. It serves without one: PostgreSQL may come later than it, or its tables. */
@Injectable()
export class Presence implements OnApplicationBootstrap {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly registration: WorkerRegistration,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    void this.register();
    this.shutdown.onFlush('presence', async () => {
      clearTimeout(this.timer);
      await this.registration.stop();
    });
  }

  private async register(): Promise<void> {
    try {
      await this.registration.start('api-gateway', []);
    } catch (error) {
      this.log.warn({ err: error }, 'this process could not be registered yet');
      if (!this.shutdown.started) this.timer = setTimeout(() => void this.register(), AGAIN_MS);
    }
  }
}
