import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { WorkerRegistration } from '@task-engine/engine';
import { type Processing, WorkQueues } from '@task-engine/messaging';
import { CONFIGURATION, type DispatcherConfiguration, Shutdown } from '@task-engine/platform';
import { DispatchLoop } from './dispatch-loop';

/** Hints taken at one time. Each only wakes the loop, which claims by due time: a hint is a reason to look, not an order. */
const HINTS = 8;

/** Joins the dispatcher to the queue `callback` and to the process's life. */
@Injectable()
export class CallbackProcessor implements OnApplicationBootstrap {
  private readonly processing: Processing;

  constructor(
    queues: WorkQueues,
    private readonly loop: DispatchLoop,
    private readonly registration: WorkerRegistration,
    private readonly shutdown: Shutdown,
    @Inject(CONFIGURATION) private readonly configuration: DispatcherConfiguration,
  ) {
    this.processing = queues.process('callback', HINTS, async () => loop.wake());
    queues.onRecovery(() => loop.wake());
  }

  async onApplicationBootstrap(): Promise<void> {
    const slots = this.configuration.CALLBACK_CONCURRENCY;
    await this.registration.start('callback-dispatcher', [{ queue: 'callback', slots }]);
    this.loop.start();
    this.shutdown.onStopIntake('callback', async () => {
      this.loop.stop();
      await this.processing.pause();
    });
    this.shutdown.onDrain('callback', async (deadline) => {
      await Promise.all([this.loop.drain(deadline), this.processing.close()]);
    });
    this.shutdown.onFlush('registration', () => this.registration.stop());
  }
}
