import { Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { AdvanceJobs, Batch, WorkerRegistration } from '@task-engine/engine';
import { type Processing, WorkQueues } from '@task-engine/messaging';
import { CONFIGURATION, type ControllerConfiguration, Shutdown } from '@task-engine/platform';
import { AdmissionLoop } from './admission-loop';

/** Jobs advanced in one transaction at most. */
const BATCH = 100;

/** Takes jobs on when one of their tasks has ended: queue `controller`. */
@Injectable()
export class AdvanceProcessor implements OnApplicationBootstrap {
  private readonly batch: Batch<string, undefined>;
  private processing: Processing | undefined;

  constructor(
    advanceJobs: AdvanceJobs,
    admission: AdmissionLoop,
    private readonly queues: WorkQueues,
    private readonly registration: WorkerRegistration,
    private readonly shutdown: Shutdown,
    @Inject(CONFIGURATION) private readonly configuration: ControllerConfiguration,
  ) {
    this.batch = new Batch(
      async (jobIds) => {
        for (const laneId of await advanceJobs.run([...new Set(jobIds)])) admission.nudge(laneId);
        return jobIds.map(() => undefined);
      },
      { size: BATCH, parallel: 1 },
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    const slots = this.configuration.CONTROLLER_CONCURRENCY;
    await this.registration.start('job-controller', [{ queue: 'controller', slots }]);
    this.processing = this.queues.process('controller', slots, async ({ jobId }) => {
      await this.batch.add(jobId);
    });
    this.shutdown.onStopIntake('controller', () => this.processing!.pause());
    this.shutdown.onDrain('controller', () => this.processing!.close());
    this.shutdown.onFlush('registration', () => this.registration.stop());
  }
}
