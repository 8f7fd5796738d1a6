import { TaskFailure } from '@task-engine/domain';
import { isUnavailable, type Lease } from '@task-engine/database';
import type { RunFailure, TakenRun, WorkRuns } from '@task-engine/engine';
import type { ExecutionContext, Executor } from '../executor';
import { throwIfAborted } from '../handler';
import { asking } from './asking';
import { longTimer } from './long-timer';
import { OutputWriter } from './output-writer';
import {
  type ContainerRuntime,
  type ContainerSpec,
  type Exit,
  FarmFull,
  HostUnreachable,
  NoHostAvailable,
  type Place,
  PullFailure,
  StartFailure,
} from './runtime';
import type { StopRequests } from './stop-requests';

/** Reason of an abort that nobody hears of: without one Node makes an error with its stack. */
const ENDED = 'ended';
/** Between two attempts to reach a host, in milliseconds (reference/fastlane.md 3.4). */
const HOST_RETRY_MS = 1_000;
/** Work that went on for so long with a host, in milliseconds, means that it was there. */
const HOST_WELL_MS = 30_000;
/** A host that is away this long, in milliseconds, is not waited for any more: two pauses of an open circuit. */
const HOST_PATIENCE_MS = 120_000;

export interface ContainerOptions {
  runtime: ContainerRuntime;
  runs: WorkRuns;
  stopRequests: StopRequests;
  /** Bytes of output that are kept of one run. */
  outputBytes: number;
  /** Between SIGTERM and SIGKILL. */
  stopSeconds: number;
}

/** `container`: the command of a run, in a container or as a process. Where it went wrong is told to the run, not tried again here. */
export function containerExecutor(options: ContainerOptions): Executor {
  return {
    uses: 'container',
    withoutFiles: true,
    async execute(context) {
      throwIfAborted(context.signal);
      const lease = { executionId: context.executionId, token: context.token };
      const run = await asking(() => options.runs.take(lease), context.signal);
      // the report will be refused too
      if (!run) throw new TaskFailure('the lease is over', { retryable: false });
      await new ContainerRun(options, context, run).toEnd();
      return { exitCode: 0 };
    },
  };
}

/** One run from its lease to its end. */
class ContainerRun {
  private readonly runtime: ContainerRuntime;
  private readonly lease: Lease;
  private readonly spec: ContainerSpec;
  private readonly output: OutputWriter;
  private seq: number;
  private readonly read: Record<'stdout' | 'stderr', number>;
  private timedOut = false;

  constructor(
    private readonly options: ContainerOptions,
    private readonly context: ExecutionContext,
    private readonly run: TakenRun,
  ) {
    this.runtime = options.runtime;
    this.lease = { executionId: context.executionId, token: context.token };
    this.spec = specOf(run);
    this.seq = run.kept.seq;
    const { stdout, stderr } = run.kept.bytes;
    // a process starts anew, and so does its output
    this.read = this.runtime.survivesWorker ? { stdout, stderr } : { stdout: 0, stderr: 0 };
    this.output = new OutputWriter({
      append: async (pieces) => {
        const kept = await options.runs.append(this.lease, run.jobId, this.seq, pieces);
        this.seq += pieces.length;
        return kept;
      },
      refused: (error) => context.log('ERROR', `output could not be kept: ${(error as Error).message}`),
      limitBytes: options.outputBytes,
      keptBytes: stdout + stderr,
      signal: context.signal,
    });
  }

  /** Resolves after exit code 0. @throws TaskFailure with a RunFailure as its output, or the reason of the abort */
  async toEnd(): Promise<void> {
    const place = await this.begin();
    const exit = await this.watch(place).finally(() => this.leave(place));
    if (this.timedOut) {
      const error = `Job execution timed out after ${this.timeoutSeconds} seconds.`;
      throw failure({ state: 'timed_out', exitCode: null, error });
    }
    if (exit.exitCode !== 0) {
      throw failure({ state: 'failed', exitCode: exit.exitCode, error: exit.error ?? null });
    }
  }

  /** The container, found again or started. */
  private async begin(): Promise<Place> {
    const known = this.placeKnown();
    // one that nobody has begun has none, unless its worker died at just that moment
    const maybe = this.runtime.survivesWorker && (known !== undefined || this.context.cause !== 'first');
    const found = maybe ? await this.reaching(() => this.runtime.find(this.spec, known)) : undefined;
    if (!found && known && this.runtime.survivesWorker)
      throw failure({
        state: 'failed',
        exitCode: null,
        error: `Job failed since container could not be found in ${this.runtime.kind} host.`,
      });
    if (!found && this.run.startedAt) this.output.note('[the worker that ran this command is gone: it runs again]');
    const place = found ?? (await this.start());
    try {
      const { signal } = this.context;
      if (await asking(() => this.options.runs.begin(this.lease, this.run, place), signal)) return place;
      throw new TaskFailure('the lease is over', { retryable: false });
    } catch (error) {
      // nobody else can find it
      if (!this.runtime.survivesWorker) {
        await this.runtime.stop(place, 0);
        await this.runtime.remove(place);
      }
      throw error;
    }
  }

  private async start(): Promise<Place> {
    if (this.run.stopRequested) throw failure({ state: 'failed', exitCode: null, error: null });
    if (this.run.overdue) throw failure({ state: 'expired', exitCode: null, error: expired(this.run) });
    if (this.runtime.kind !== 'host') await asking(() => this.options.runs.pulling(this.lease), this.context.signal);
    const stopped = new AbortController();
    const forget = this.options.stopRequests.watch(this.run.jobId, () => stopped.abort());
    const signal = AbortSignal.any([this.context.signal, stopped.signal]);
    const room = (farm: number) => asking(() => this.options.runs.enterFarm(this.lease, farm), signal);
    try {
      return await this.reaching(async () => {
        const host = await this.runtime.prepare(this.spec, signal, room);
        signal.throwIfAborted();
        return this.runtime.start(
          this.spec,
          host,
          signal,
          () => !stopped.signal.aborted && this.context.signal.reason !== 'stopped',
        );
      }, signal);
    } catch (error) {
      throwIfAborted(this.context.signal);
      if (stopped.signal.aborted) throw failure({ state: 'failed', exitCode: null, error: null });
      if (error instanceof PullFailure)
        throw failure({ state: 'failed', exitCode: null, error: error.message, noImage: true });
      if (error instanceof StartFailure)
        throw failure({ state: 'failed', exitCode: error.exitCode, error: error.message });
      if (error instanceof NoHostAvailable || error instanceof HostUnreachable)
        throw failure({ state: 'failed', exitCode: null, error: error.message });
      throw error;
    } finally {
      forget();
    }
  }

  /** Follows the output and waits for the end, which a time limit and the client may bring about. */
  private async watch(place: Place): Promise<Exit> {
    const { signal } = this.context;
    const stop = () =>
      void this.reaching(() => this.runtime.stop(place, this.options.stopSeconds)).catch(() => undefined);
    const inTime = longTimer(() => {
      this.timedOut = true;
      stop();
    }, this.millisecondsLeft());
    const forget = this.options.stopRequests.watch(this.run.jobId, stop);
    const leave = () => {
      // What goes on without its worker is taken over by another one; what cannot, and what nobody wants any more, ends.
      if (!this.runtime.survivesWorker || signal.reason === 'stopped') stop();
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      const exit = await this.reaching(() => this.look(place, inTime));
      throwIfAborted(signal);
      return exit;
    } finally {
      inTime();
      forget();
      signal.removeEventListener('abort', leave);
      await this.output.end();
    }
  }

  /**
   * Its output from where it is known on, and its end. Leaves nothing running: the next look must not read the same bytes beside this one.
   * @param ended called when it has ended, whatever is still to be read
   */
  private async look(place: Place, ended: () => void): Promise<Exit> {
    const attempt = new AbortController();
    const either = AbortSignal.any([this.context.signal, attempt.signal]);
    const following = this.runtime.follow(place, this.read, (stream, bytes) => this.take(stream, bytes), either);
    const waiting = this.runtime.wait(place, either).then((exit) => {
      ended();
      return exit;
    });
    try {
      const [, exit] = await Promise.all([following, waiting]);
      return exit;
    } finally {
      attempt.abort(ENDED);
      await Promise.allSettled([following, waiting]);
    }
  }

  /** A container that another worker can find stays until PostgreSQL knows how it ended. */
  private async leave(place: Place): Promise<void> {
    if (this.runtime.survivesWorker) this.context.onReported(() => this.runtime.remove(place));
    else await this.runtime.remove(place);
  }

  private take(stream: 'stdout' | 'stderr', bytes: Buffer): void | Promise<void> {
    this.read[stream] += bytes.length;
    return this.output.take(stream, bytes);
  }

  /** Tries again while a host does not answer, or PostgreSQL, which knows how the hosts are. A fault of either costs time. */
  private async reaching<Result>(work: () => Promise<Result>, signal = this.context.signal): Promise<Result> {
    let awaySince: number | undefined;
    for (;;) {
      const began = Date.now();
      try {
        return await work();
      } catch (error) {
        // as long as it takes, or as the lease lasts
        const patient = error instanceof FarmFull || isAway(error);
        const worth = patient || error instanceof HostUnreachable || (error instanceof NoHostAvailable && error.forNow);
        // what went well for a while has been there meanwhile
        if (patient || Date.now() - began > HOST_WELL_MS) awaySince = undefined;
        awaySince ??= Date.now();
        if (!worth || Date.now() - awaySince > HOST_PATIENCE_MS) throw error;
        throwIfAborted(signal);
        await new Promise((resolve) => setTimeout(resolve, HOST_RETRY_MS));
        throwIfAborted(signal);
      }
    }
  }

  private placeKnown(): Place | undefined {
    const { host, port, containerId } = this.run;
    return host === null || port === null || containerId === null ? undefined : { host, port, containerId };
  }

  private get timeoutSeconds(): number {
    return Number(this.run.request.timeoutSeconds);
  }

  /** Of a run that another worker began, what that one has left. */
  private millisecondsLeft(): number {
    const begun = this.runtime.survivesWorker ? (this.run.startedAt?.getTime() ?? Date.now()) : Date.now();
    return Math.max(0, begun + this.timeoutSeconds * 1_000 - Date.now());
  }
}

/** Whether PostgreSQL is: what a host, an image or a command is said to have failed of may read the same. */
function isAway(error: unknown): boolean {
  const ofRuntime = [HostUnreachable, NoHostAvailable, PullFailure, StartFailure].some((kind) => error instanceof kind);
  return !ofRuntime && isUnavailable(error);
}

function specOf(run: TakenRun): ContainerSpec {
  const { environment, extraHosts, memoryBytes, cpus } = run.request as {
    environment: Record<string, string>;
    extraHosts: [string, string][];
    memoryBytes: number | null;
    cpus: number | null;
  };
  return {
    runId: run.uuid,
    group: run.group,
    image: run.image,
    command: run.command,
    environment,
    extraHosts,
    ...(memoryBytes !== null && { memoryBytes }),
    ...(cpus !== null && { cpus }),
  };
}

function failure(output: RunFailure): TaskFailure {
  const message = output.error ?? (output.exitCode === null ? 'stopped by its client' : `exit code ${output.exitCode}`);
  return new TaskFailure(message, { retryable: false, output: { ...output } });
}

function expired({ request }: TakenRun): string {
  const iso = (date: Date) => date.toISOString().replace('Z', '000');
  return `Job was supposed to be done before ${iso(new Date(request.expiration as string))}, but was started at ${iso(new Date())}.`;
}
