import { Injectable } from '@nestjs/common';
import { PullSteps, type StepState } from '@task-engine/engine';
import { Log } from '@task-engine/platform';

/** Between two looks at the tasks of all steps that wait, in milliseconds. */
const LOOK_MS = 500;

/** Waits for the pull tasks of steps to be over: one look for all that wait in this process. */
@Injectable()
export class PullStepWatch {
  private readonly waiting = new Map<string, (state: StepState | undefined) => void>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly steps: PullSteps,
    private readonly log: Log,
  ) {}

  /** Undefined when the task is gone, or when the signal aborts. */
  over(stepId: string, signal: AbortSignal): Promise<StepState | undefined> {
    return new Promise((resolve) => {
      const done = (state: StepState | undefined) => {
        signal.removeEventListener('abort', stop);
        // another execution of the step may wait by now
        if (this.waiting.get(stepId) === done) this.waiting.delete(stepId);
        resolve(state);
      };
      const stop = () => done(undefined);
      this.waiting.set(stepId, done);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      else this.schedule();
    });
  }

  private schedule(): void {
    if (this.timer || this.waiting.size === 0) return;
    this.timer = setTimeout(() => {
      void this.look().finally(() => {
        this.timer = undefined;
        this.schedule();
      });
    }, LOOK_MS);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    const asked = [...this.waiting.keys()];
    try {
      const states = await this.steps.states(asked);
      for (const stepId of asked) {
        const state = states.get(stepId);
        if (state?.state !== 'open') this.waiting.get(stepId)?.(state);
      }
    } catch (error) {
      this.log.warn({ err: error }, 'the tasks of steps could not be looked at');
    }
  }
}
