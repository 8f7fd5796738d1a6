import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalError, reasonOf } from './local-error';
import type { Watchdog } from './watchdog';

/** How to start a process once. */
export interface Launch {
  file: string;
  args: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

export interface ProcessSpec {
  /** For messages. */
  name: string;
  /** Gets what the process writes, appended. */
  logFile: string;
  /** Asked before every start, so a restart may heal what the last end left behind. */
  launch: () => Launch | Promise<Launch>;
  /** True once the process serves. */
  isReady: () => Promise<boolean>;
  stopSignal: NodeJS.Signals;
  /** Milliseconds from the stop signal to SIGKILL. */
  stopGrace: number;
  /** Milliseconds to wait before the next start, by the number of ends in a row without 10 s of life between them. */
  restartDelay: (endsInRow: number) => number;
  /** Ends in a row after which `start` gives up. */
  startAttempts: number;
}

/** A life of this length, in ms, makes an earlier crash count no more. */
const STABLE_AFTER = 10_000;

/** A child that is kept running until `stop`: started again whenever it ends. */
export class SupervisedProcess {
  private child?: ChildProcess;
  private ended?: Promise<void>;
  private wanted = false;
  private endsInRow = 0;
  private startedAt = 0;
  private loop: Promise<void> = Promise.resolve();
  private wakeUp = new AbortController();
  private fault?: string;

  constructor(
    readonly spec: ProcessSpec,
    private readonly watchdog: Watchdog,
  ) {}

  /** The number of the running process; undefined while there is none. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Whether it is meant to run now, even if it is just being started again. */
  get isWanted(): boolean {
    return this.wanted;
  }

  /**
   * Starts it and waits until it is ready.
   * @throws LocalError with the end of its log when it keeps ending or is not ready within `timeout` ms [60000].
   */
  async start(timeout = 60_000): Promise<void> {
    if (!this.wanted) {
      this.wanted = true;
      this.endsInRow = 0;
      this.wakeUp = new AbortController();
      await this.loop;
      this.loop = this.keepRunning();
    }
    const deadline = Date.now() + timeout;
    while (this.wanted) {
      if (this.child && (await this.spec.isReady().catch(() => false))) return;
      if (this.endsInRow >= this.spec.startAttempts || Date.now() > deadline) {
        const what = this.endsInRow > 0 ? 'keeps ending' : `is not ready after ${timeout / 1000} s`;
        const fault = this.fault ? `: ${this.fault}` : '';
        await this.stop();
        throw new LocalError(`${this.spec.name} ${what}${fault}${logTail(this.spec.logFile)}`);
      }
      await delay(20);
    }
    throw new LocalError(`${this.spec.name} was stopped while it started.`);
  }

  /** Waits until it is ready (again). */
  async ready(timeout = 60_000): Promise<void> {
    const deadline = Date.now() + timeout;
    while (!this.child || !(await this.spec.isReady().catch(() => false))) {
      if (Date.now() > deadline) {
        throw new LocalError(`${this.spec.name} is not ready after ${timeout / 1000} s${logTail(this.spec.logFile)}`);
      }
      await delay(20);
    }
  }

  /** Sends a signal [SIGKILL] and waits for the end of the process; it is then started again by itself. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { ended } = this;
    this.child?.kill(signal);
    await ended;
  }

  /** Ends it for good (until the next `start`): the stop signal, or the one given, then SIGKILL after the grace. */
  async stop(signal: NodeJS.Signals = this.spec.stopSignal): Promise<void> {
    this.wanted = false;
    this.wakeUp.abort();
    const { child, ended } = this;
    child?.kill(signal);
    const cut = setTimeout(() => child?.kill('SIGKILL'), this.spec.stopGrace);
    await ended;
    clearTimeout(cut);
    await this.loop;
  }

  private async keepRunning(): Promise<void> {
    while (this.wanted) {
      this.startedAt = Date.now();
      try {
        this.fault = undefined;
        const launch = await this.spec.launch();
        if (!this.wanted) return;
        await this.runOnce(launch);
      } catch (error) {
        this.fault = reasonOf(error);
      }
      if (!this.wanted) return;
      this.endsInRow = Date.now() - this.startedAt > STABLE_AFTER ? 1 : this.endsInRow + 1;
      await delay(this.spec.restartDelay(this.endsInRow), undefined, { signal: this.wakeUp.signal }).catch(
        () => undefined,
      );
    }
  }

  private async runOnce({ file, args, cwd, env }: Launch): Promise<void> {
    mkdirSync(dirname(this.spec.logFile), { recursive: true });
    const log = openSync(this.spec.logFile, 'a');
    // A session of its own: Ctrl-C reaches only this process, which stops the parts in their order.
    const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) {
      await new Promise((_, refuse) => child.once('error', refuse));
      return;
    }
    // A signal that could not be delivered is an event too, and without a listener it would end this process.
    child.on('error', () => undefined);
    this.child = child;
    this.watchdog.add(pid, this.spec.stopSignal);
    this.ended = new Promise((done) => {
      child.once('exit', () => {
        this.child = undefined;
        this.ended = undefined;
        this.watchdog.remove(pid);
        done();
      });
    });
    await this.ended;
  }
}

/** The last lines of a log for a message. */
function logTail(file: string, lines = 8): string {
  if (!existsSync(file)) return '';
  const log = openSync(file, 'r');
  const { size } = fstatSync(log);
  const tail = Buffer.alloc(Math.min(size, 8192));
  readSync(log, tail, 0, tail.length, size - tail.length);
  closeSync(log);
  const shown = tail.toString().trimEnd().split('\n').slice(-lines);
  return `\n  log: ${file}${shown.map((line) => `\n  | ${line.slice(0, 400)}`).join('')}`;
}
