import type { Log } from '../logging/log';

export type ShutdownFunction = () => void | Promise<void>;
/** @param deadline aborted when what still runs must be handed back */
export type DrainFunction = (deadline: AbortSignal) => void | Promise<void>;

export interface ShutdownTiming {
  /** Seconds between "not ready" and the end of intake. */
  delaySeconds: number;
  /** Seconds after which `drain` is told to hand back what still runs. */
  drainSeconds: number;
}

/** Of SHUTDOWN_SECONDS, the part after which running work is handed back; the rest is left for reporting and closing. */
export const DRAIN_SHARE = 0.7;

/**
 * The order in which a process ends: not ready, stop intake, finish or hand back, close the HTTP server, flush. Modules register what
 * they have to do in which phase; functions of one phase run side by side, and a failing one is logged and stops nothing else.
 */
export class Shutdown {
  private readonly abort = new AbortController();
  private readonly stopIntake = new Map<string, ShutdownFunction>();
  private readonly drain = new Map<string, DrainFunction>();
  private readonly flush = new Map<string, ShutdownFunction>();
  private running: Promise<void> | undefined;

  constructor(private readonly log: Log) {}

  /** Aborted when the shutdown begins. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  get started(): boolean {
    return this.abort.signal.aborted;
  }

  /** Take no new work: pause queue processors, stop polls and timers, give up leadership. */
  onStopIntake(name: string, run: ShutdownFunction): void {
    register(this.stopIntake, name, run);
  }

  /** Wait for running work, or hand it back once `deadline` fires. */
  onDrain(name: string, run: DrainFunction): void {
    register(this.drain, name, run);
  }

  /** Write out what is buffered. Connections are still open; they close afterwards in Nest's own hooks. */
  onFlush(name: string, run: ShutdownFunction): void {
    register(this.flush, name, run);
  }

  /**
   * Runs all phases; a second call gets the promise of the first.
   * @param closeServer ends the HTTP server after its running requests
   */
  begin(timing: ShutdownTiming, closeServer: ShutdownFunction): Promise<void> {
    this.running ??= this.run(timing, closeServer);
    return this.running;
  }

  private async run(timing: ShutdownTiming, closeServer: ShutdownFunction): Promise<void> {
    this.abort.abort();
    if (timing.delaySeconds > 0) await new Promise((resolve) => setTimeout(resolve, timing.delaySeconds * 1000));
    await this.phase('stop intake', this.stopIntake, undefined);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timing.drainSeconds * 1000);
    await this.phase('drain', this.drain, deadline.signal);
    clearTimeout(timer);
    await this.phase('close server', new Map([['http', closeServer]]), undefined);
    await this.phase('flush', this.flush, undefined);
  }

  private async phase<T>(
    phase: string,
    functions: Map<string, (argument: T) => void | Promise<void>>,
    argument: T,
  ): Promise<void> {
    const runs = [...functions].map(async ([name, run]) => {
      try {
        await run(argument);
      } catch (err) {
        this.log.error({ err, phase, name }, 'shutdown step failed');
      }
    });
    await Promise.all(runs);
  }
}

function register<T>(functions: Map<string, T>, name: string, run: T): void {
  if (functions.has(name)) throw new Error(`shutdown function ${name} is registered twice`);
  functions.set(name, run);
}
