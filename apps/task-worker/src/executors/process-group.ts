import { randomUUID } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { constants, readdirSync, readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join, resolve as resolvePath } from 'node:path';
import type { Readable } from 'node:stream';
import { LineSplitter, type LineTaker } from './line-splitter';
import { isProgram, killStrays, markOf } from './strays';

/** SIGTERM first; what still lives after this is killed. */
const TERM_GRACE_MS = 5_000;
/** How often a dying group is looked at. */
const GROUP_POLL_MS = 25;
/** And how often whether only the dead are left of it, which takes some milliseconds. */
const DEAD_POLL_MS = 200;
/** Pipes may be held open by a process that left the group; its output is not waited for. */
const PIPE_DRAIN_MS = 1_000;

/** What every child gets from the worker's own environment: enough to find programs and write temporary files, no settings, no keys. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL'] as const;

export interface ProcessOptions {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** Added to the inherited allow list (PATH, HOME, TMPDIR, TZ, LANG, LC_ALL). */
  readonly environment?: Readonly<Record<string, string>>;
  /** Seconds; 0 or absent = no limit of its own. */
  readonly timeLimitSeconds?: number;
  readonly signal: AbortSignal;
  readonly onStdoutLine?: LineTaker;
  readonly onStderrLine?: LineTaker;
  /** Keep up to so many bytes of stdout in the result; more makes `stdoutTruncated` true. */
  readonly keepStdoutBytes?: number;
}

export interface ProcessResult {
  /** null when a signal ended the process. */
  readonly exitCode: number | null;
  readonly exitSignal: NodeJS.Signals | null;
  /** Why the engine ended it, if it did. */
  readonly stopped: 'aborted' | 'time_limit' | null;
  readonly stdout: Buffer;
  readonly stdoutTruncated: boolean;
}

/** The program of a command is neither a file nor in PATH, or may not be executed. */
export class ProgramNotFound extends Error {
  constructor(readonly program: string) {
    super(`${program} is not installed on this worker`);
    this.name = 'ProgramNotFound';
  }
}

/** A program that runs in a process group of its own. */
export interface RunningProcess {
  readonly pid: number;
  /** Nothing is read of them until somebody does. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves as soon as the program itself has ended; never rejects. */
  readonly exited: Promise<void>;
  /**
   * How it ended; nothing of its group is left then, nor of what left the group (`killStrays`). Rejects when it could not be started.
   */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Resolves when both outputs have been read to their ends. */
  readonly closed: Promise<void>;
  /** SIGTERM to the group, SIGKILL after so many milliseconds. A second call changes nothing, nor does one after the end. */
  stop(graceMs: number): void;
}

/** A process as the system has made it, leader of a group of its own. */
export interface Launched {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Rejects when it could not be started. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly closed: Promise<void>;
}

export interface LaunchOptions {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Makes the process, which ends with this one however that ends: here, or through another process that is quicker at it.
 * @throws ProgramNotFound
 */
export type Launch = (options: LaunchOptions) => Promise<Launched>;

/** @throws ProgramNotFound */
export async function startProcess(
  { argv, cwd, environment: extra }: Pick<ProcessOptions, 'argv' | 'cwd' | 'environment'>,
  launch: Launch = launchHere,
): Promise<RunningProcess> {
  const run = randomUUID();
  const since = Date.now();
  const environment = { ...childEnvironment(extra), ...markOf(run) };
  const { pid, stdout, stderr, exited, closed } = await launch({ argv, cwd, environment });
  let ending: Promise<void> | undefined;
  // the number of a group that is gone may be another's
  let gone = false;
  const over = exited.then(
    () => undefined,
    () => undefined,
  );
  isProgram(pid, over);
  const end = async () => {
    const how = await exited;
    // After a stop the rest of the group has its grace; after an ordinary exit nobody waits for strays.
    if (ending) await ending;
    else signalGroup(pid, 'SIGKILL');
    gone = true;
    await killStrays({ run, pid, since });
    return how;
  };
  const ended = end();
  // who asks hears of a failed start; that nobody has asked yet must not end the worker
  ended.catch(() => undefined);
  return {
    pid,
    stdout,
    stderr,
    exited: over,
    ended,
    closed,
    stop: (graceMs) => {
      if (!gone) ending ??= endGroup(pid, graceMs);
    },
  };
}

async function launchHere({ argv: [named, ...others], cwd, environment }: LaunchOptions): Promise<Launched> {
  const [program = '', ...rest] = diesWithWorker([await findProgram(named, cwd, environment.PATH ?? ''), ...others]);
  const child = spawn(program, rest, {
    cwd,
    env: environment,
    detached: true,
    shell: false,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return { pid: child.pid ?? 0, stdout: child.stdout, stderr: child.stderr, exited, closed };
}

/**
 * Runs a program in a process group of its own and leaves nothing of the group behind: an abort or the time limit sends SIGTERM to
 * the group and SIGKILL 5 s later; members that outlive the program are killed when it exits, and so is what left the group (`killStrays`).
 * Throws ProgramNotFound, or the error of spawn; how a started program ended is in the result.
 */
export async function runProcess(options: ProcessOptions): Promise<ProcessResult> {
  if (options.signal.aborted) {
    return { exitCode: null, exitSignal: null, stopped: 'aborted', stdout: Buffer.alloc(0), stdoutTruncated: false };
  }
  const child = await startProcess(options);
  const kept = new KeptBytes(options.keepStdoutBytes ?? 0);
  const stdoutLines = followLines(child.stdout, options.onStdoutLine);
  const stderrLines = followLines(child.stderr, options.onStderrLine);
  child.stdout.on('data', (chunk: Buffer) => kept.add(chunk));

  let stopped: ProcessResult['stopped'] = null;
  const stop = (reason: 'aborted' | 'time_limit') => {
    stopped ??= reason;
    child.stop(TERM_GRACE_MS);
  };
  const onAbort = () => stop('aborted');
  options.signal.addEventListener('abort', onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  const limit = options.timeLimitSeconds
    ? setTimeout(() => stop('time_limit'), options.timeLimitSeconds * 1000)
    : undefined;
  void child.exited.then(() => clearTimeout(limit));
  try {
    const { code, signal } = await child.ended;
    await Promise.race([child.closed, delay(PIPE_DRAIN_MS)]);
    stdoutLines.end();
    stderrLines.end();
    return { exitCode: code, exitSignal: signal, stopped, stdout: kept.bytes(), stdoutTruncated: kept.truncated };
  } finally {
    clearTimeout(limit);
    options.signal.removeEventListener('abort', onAbort);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** SIGTERM to the group, SIGKILL to whatever of it is left after the grace time; resolves when the group is gone. */
async function endGroup(pid: number, graceMs: number): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  let lookAt = Date.now() + DEAD_POLL_MS;
  while (Date.now() < deadline) {
    if (!signalGroup(pid, 0)) return;
    if (Date.now() >= lookAt) {
      if (onlyDead(pid)) return;
      lookAt = Date.now() + DEAD_POLL_MS;
    }
    await delay(GROUP_POLL_MS);
  }
  signalGroup(pid, 'SIGKILL');
}

/**
 * Whether all that is left of a group is dead: orphans stay in the table of processes until the first process of the system waits for
 * them, which in a container without an init is never.
 */
function onlyDead(group: number): boolean {
  if (process.platform !== 'linux') return false;
  return !readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state = '', , own] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(own) === group && state !== 'Z' && state !== 'X';
    } catch {
      // gone meanwhile
      return false;
    }
  });
}

/** False when the group has no member any more. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (pid === 0) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

function childEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const name of INHERITED) {
    // eslint-disable-next-line no-restricted-properties -- no setting of ours: the child's share of what this process was started with
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...extra };
}

/** Full path of a program: as it stands when it holds a slash, else the first executable of that name in PATH. */
async function findProgram(program: string, cwd: string, path: string): Promise<string> {
  const candidates = program.includes('/')
    ? [resolvePath(cwd, program)]
    : path
        .split(delimiter)
        .filter((folder) => folder !== '')
        .map((folder) => join(folder, program));
  for (const candidate of candidates) {
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
  }
  throw new ProgramNotFound(program);
}

let deathSignalAvailable: boolean | undefined;

/**
 * A worker that is killed with SIGKILL cannot end its children, and an encoder would go on beside the repeated try. util-linux'
 * setpriv asks the kernel to end the child with its parent and then becomes the program; without it (macOS, busybox) the
 * child runs to its end, which costs time but harms nothing: results are renamed into place by their own execution only.
 */
function diesWithWorker(argv: readonly string[]): readonly string[] {
  deathSignalAvailable ??=
    process.platform === 'linux' &&
    spawnSync('setpriv', ['--pdeathsig', 'SIGKILL', 'true'], { stdio: 'ignore' }).status === 0;
  // setpriv hides a missing program behind its own exit code: findProgram has looked before.
  return deathSignalAvailable ? ['setpriv', '--pdeathsig', 'SIGKILL', '--', ...argv] : argv;
}

function followLines(stream: Readable, onLine: LineTaker = () => false): LineSplitter {
  const splitter = new LineSplitter(onLine);
  stream.on('data', (chunk: Buffer) => splitter.write(chunk));
  // A pipe error says only that the child is gone, which the exit tells too.
  stream.on('error', () => undefined);
  return splitter;
}

class KeptBytes {
  private readonly chunks: Buffer[] = [];
  private size = 0;
  truncated = false;

  constructor(private readonly limit: number) {}

  add(chunk: Buffer): void {
    const room = this.limit - this.size;
    if (chunk.length > room) this.truncated = true;
    if (room <= 0) return;
    this.chunks.push(chunk.subarray(0, room));
    this.size += Math.min(chunk.length, room);
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
