import { Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { type Answer, ProbeSemaphore, WorkerRegistration } from '@task-engine/engine';
import { type Processing, WorkQueues } from '@task-engine/messaging';
import { Log, OutboundError, OutboundHttp, Shutdown } from '@task-engine/platform';

/** Semaphores asked at one time by one process. Many, since each may take the whole time-out and only waits. */
const SLOTS = 256;

/** Asks the semaphores of due jobs: queue `scheduler`, shared by all schedulers. */
@Injectable()
export class SemaphoreProcessor implements OnApplicationBootstrap {
  private processing: Processing | undefined;

  constructor(
    private readonly probeSemaphore: ProbeSemaphore,
    private readonly outbound: OutboundHttp,
    private readonly queues: WorkQueues,
    private readonly registration: WorkerRegistration,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.registration.start('scheduler', [{ queue: 'scheduler', slots: SLOTS }]);
    this.processing = this.queues.process('scheduler', SLOTS, async ({ jobId }) => {
      await this.probeSemaphore.run(jobId, (url) => this.ask(jobId, url));
    });
    this.shutdown.onStopIntake('semaphores', () => this.processing!.pause());
    this.shutdown.onDrain('semaphores', () => this.processing!.close());
    this.shutdown.onFlush('outbound', async () => {
      await this.outbound.close();
      await this.registration.stop();
    });
  }

  /** 2xx and 3xx are yes; redirects are not followed (reference/task-engine.md A6). Anything else, a fault included, is no. */
  private async ask(jobId: string, url: string): Promise<Answer> {
    try {
      const { status } = await this.outbound.request({ url });
      return status >= 200 && status < 400 ? { open: true } : { open: false, why: `it answered ${status}` };
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      this.log.debug({ jobId, err: error }, 'semaphore did not answer');
      return { open: false, why: error.message };
    }
  }
}
