import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerInspectInfo } from 'dockerode';
import { EngineRefusal, type CallOptions, type EngineConnection } from './engine-connection';

/** How long somebody else may need from creating a container to starting it. */
const CREATED_MS = 1000;
const CREATED_POLL_MS = 100;

/** One container, by id or name, on the host it is on. A method answers undefined, or does nothing, where the container is gone. */
export class Container {
  constructor(
    readonly engine: EngineConnection,
    readonly id: string,
    /** Of every request. */
    private readonly seconds: number,
  ) {}

  /** @throws HostUnreachable, also when the engine cannot tell; the reason of the signal */
  async inspect(options: Partial<CallOptions> = {}): Promise<ContainerInspectInfo | undefined> {
    return this.orGone(
      () =>
        this.engine.call({ seconds: this.seconds, ...options }, (docker, abortSignal) =>
          docker.getContainer(this.id).inspect({ abortSignal }),
        ),
      [404],
    );
  }

  /**
   * Its state, once it is more than created: the worker that created it may be about to start it, and would be the second to do so.
   * @throws HostUnreachable
   */
  async inspectStarted(options: Partial<CallOptions> = {}): Promise<ContainerInspectInfo | undefined> {
    const deadline = Date.now() + CREATED_MS;
    for (;;) {
      const found = await this.inspect(options);
      if (found?.State.Status !== 'created' || Date.now() > deadline) return found;
      await delay(CREATED_POLL_MS);
    }
  }

  /** TERM (or the image's own STOPSIGNAL), KILL after `graceSeconds`. @throws HostUnreachable */
  async stop(graceSeconds: number): Promise<void> {
    const grace = Math.max(0, Math.round(graceSeconds));
    await this.orGone(
      () =>
        this.engine.call({ seconds: grace + this.seconds }, (docker, abortSignal) =>
          docker.getContainer(this.id).stop({ t: grace, abortSignal }),
        ),
      // 304: it has ended by itself
      [304, 404],
    );
  }

  /** Also a running one. Its anonymous volumes go with it. @throws HostUnreachable */
  async remove(): Promise<void> {
    await this.orGone(
      () =>
        this.engine.call({ seconds: this.seconds }, (docker, abortSignal) =>
          docker.getContainer(this.id).remove({ force: true, v: true, abortSignal }),
        ),
      // 409: another worker is removing it
      [404, 409],
    );
  }

  private async orGone<T>(call: () => Promise<T>, goneStatuses: readonly number[]): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof EngineRefusal)) throw error;
      if (goneStatuses.includes(error.status)) return undefined;
      // An engine that cannot do what it always can is not well: as good as away, and worth another call.
      throw this.engine.unreachable(error);
    }
  }
}
