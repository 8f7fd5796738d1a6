import { Inject, Injectable } from '@nestjs/common';
import { WorkerRegistration, WorkRuns } from '@task-engine/engine';
import { Log, Shutdown } from '@task-engine/platform';
import type { ContainerRuntime } from './runtime';

/** Injection token of this worker's ContainerRuntime; null while it runs no commands. */
export const CONTAINER_RUNTIME = Symbol('container runtime');
/** Between two reports, in milliseconds: how old the farm's status may be. */
const EVERY_MS = 3_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Tells what this worker sees of its hosts, and removes what dead workers have left there. */
@Injectable()
export class RuntimeReport {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime | null,
    private readonly runs: WorkRuns,
    private readonly registration: WorkerRegistration,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
  ) {}

  /** For a process that is registered: the report belongs to its row. */
  start(): void {
    if (!this.runtime) return;
    const runtime = this.runtime;
    const look = async () => {
      await this.look(runtime);
      if (!this.shutdown.started) this.timer = setTimeout(() => void look(), EVERY_MS);
    };
    void look();
    this.shutdown.onStopIntake('runtime report', () => clearTimeout(this.timer));
    this.shutdown.onFlush('container runtime', () => runtime.close());
  }

  private async look(runtime: ContainerRuntime): Promise<void> {
    try {
      await this.runs.report(this.registration.id, runtime.kind, await runtime.hosts());
      if (runtime.survivesWorker) await this.removeLeftovers(runtime);
    } catch (error) {
      this.log.warn({ err: error }, 'the hosts of containers could not be looked at');
    }
  }

  /** Containers of runs that are over: their worker died between the report and the removal. */
  private async removeLeftovers(runtime: ContainerRuntime): Promise<void> {
    // anybody may have put our label on a container, with anything in it
    const containers = (await runtime.all()).filter(({ runId }) => UUID.test(runId));
    const over = await this.runs.over(containers.map(({ runId }) => runId));
    for (const container of containers) {
      if (!over.has(container.runId)) continue;
      const named = { container: container.containerId, run: container.runId };
      try {
        await runtime.stop(container, 0);
        await runtime.remove(container);
        this.log.info(named, 'removed what was left of a run');
      } catch (error) {
        // one that cannot be removed must not keep the others
        this.log.warn({ ...named, err: error }, 'what was left of a run could not be removed');
      }
    }
  }
}
