import { Injectable } from '@nestjs/common';
import { WorkRuns } from '@task-engine/engine';
import { NotificationServer } from '@task-engine/messaging';
import { Log } from '@task-engine/platform';

/** Between two looks into the table, in milliseconds: what a lost notification costs. */
const POLL_MS = 2_000;

/** Tells of runs that their clients want stopped: by notification, and by the row if that was lost. */
@Injectable()
export class StopRequests {
  private readonly watched = new Map<string, () => void>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly runs: WorkRuns,
    private readonly log: Log,
    notifications: NotificationServer,
  ) {
    notifications.handle('run.stop', ({ jobId }) => this.tell(jobId));
  }

  /** @param stop called once at most. @returns what ends the watch */
  watch(jobId: string, stop: () => void): () => void {
    this.watched.set(jobId, stop);
    this.schedule();
    return () => {
      this.watched.delete(jobId);
    };
  }

  private tell(jobId: string): void {
    const stop = this.watched.get(jobId);
    this.watched.delete(jobId);
    stop?.();
  }

  private schedule(): void {
    if (this.timer || this.watched.size === 0) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.look().finally(() => this.schedule());
    }, POLL_MS);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    try {
      for (const jobId of await this.runs.stopRequested([...this.watched.keys()])) this.tell(jobId);
    } catch (error) {
      this.log.warn({ err: error }, 'stop requests could not be read');
    }
  }
}
