import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { uptime } from 'node:os';

/** Names a run in the environment of all that descends from it. */
const MARK = 'TASK_ENGINE_RUN';
/** A process that forks faster than it is found gives up its race after this many rounds, or wins it. */
const ROUNDS = 10;

export function markOf(run: string): Record<string, string> {
  return { [MARK]: run };
}

export function runOf(environment: NodeJS.ProcessEnv): string {
  return environment[MARK] ?? '';
}

/** A run whose program has ended. */
export interface EndedRun {
  run: string;
  /** Of its program. What descends from it has a later process number. */
  pid: number;
  /** When it was started, by Date.now(). */
  since: number;
}

/** Programs of this process that run: none of them is a stray of another run, so nobody looks into them. */
const running = new Set<string>();

/** Processes that start programs. What they have started and is not known to run yet is a program too, and no stray. */
const starters = new Set([String(process.pid)]);

/** @param exited resolves when it has ended */
export function isStarter(pid: number, exited: Promise<unknown>): void {
  const name = String(pid);
  starters.add(name);
  void exited.finally(() => starters.delete(name));
}

/** @param exited resolves when it has ended */
export function isProgram(pid: number, exited: Promise<void>): void {
  const name = String(pid);
  running.add(name);
  void exited.then(() => running.delete(name));
}

/** Within this time, in milliseconds, process numbers do not come round to where they were. */
const NUMBERS_HOLD_MS = 60_000;

interface Wish extends EndedRun {
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Runs that wait for the next look. */
let wishes: Wish[] = [];
let looking = false;

/**
 * Kills what has left its process group (`setsid`, a daemon): it is known by its environment, which it inherited. Linux only; a process that
 * gave itself another environment is not found. Only the processes are looked at that are younger than the run. Those that ask meanwhile
 * share the next look.
 */
export async function killStrays(ended: EndedRun): Promise<void> {
  if (process.platform !== 'linux') return;
  const done = new Promise<void>((resolve, reject) => wishes.push({ ...ended, resolve, reject }));
  if (!looking) void lookForAll();
  return done;
}

async function lookForAll(): Promise<void> {
  looking = true;
  while (wishes.length > 0) {
    const asked = wishes;
    wishes = [];
    try {
      await killAll(asked);
      for (const { resolve } of asked) resolve();
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
  looking = false;
}

/** How far clocks may have been set back meanwhile, in seconds. */
const CLOCK_SLACK = 2;

/** When the oldest of them began, in seconds since the system did. */
function bornAfter(asked: readonly EndedRun[]): number {
  return uptime() - (Date.now() - Math.min(...asked.map(({ since }) => since))) / 1_000 - CLOCK_SLACK;
}

async function killAll(asked: readonly EndedRun[]): Promise<void> {
  const runs = new Set(asked.map(({ run }) => run));
  for (let round = 0; round < ROUNDS; round += 1) {
    const names = younger(asked);
    if (names.length === 0) return;
    const since = bornAfter(asked);
    const pids = names.filter((name) => mayBeStray(name, since));
    const found = await Promise.all(pids.map((pid) => carries(pid, runs)));
    const strays = pids.filter((_, index) => found[index]);
    if (strays.length === 0) return;
    for (const pid of strays) kill(Number(pid));
  }
}

/** More than the largest process number. */
const NUMBERS = 2 ** 23;

/** So few numbers are asked for one by one: that costs less than the list of all processes. */
const FEW = 100;

/** Processes that are no programs of ours and came after these, by their numbers, which are given in order and begin anew at the end. */
function younger(asked: readonly EndedRun[]): string[] {
  const all = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name) && !running.has(name));
  if (asked.some(({ since }) => Date.now() - since > NUMBERS_HOLD_MS)) return all();
  // The kernel answers at once: what a thread of the pool costs is more than that.
  const last = Number(readFileSync('/proc/loadavg', 'latin1').split(' ').at(-1));
  const ago = (pid: number) => (pid <= last ? last - pid : last - pid + NUMBERS);
  const oldest = Math.max(...asked.map(({ pid }) => ago(pid)));
  if (oldest > FEW) return all().filter((name) => ago(Number(name)) < oldest);
  const numbers = Array.from({ length: oldest }, (_, index) => String(last - index));
  return numbers.filter((name) => !running.has(name) && existsSync(`/proc/${name}`));
}

/** Ticks of the kernel's clock in a second, as it tells them. */
const TICKS = 100;

/**
 * False for one that is older, or that a starter has started. One small read that does not wait: to look into an environment costs ten
 * times as much, and numbers that began anew make old processes look young.
 */
function mayBeStray(pid: string, since: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // fields 4 and 22 of proc(5)
    return !starters.has(fields[1] ?? '') && Number(fields[19]) / TICKS >= since;
  } catch {
    // gone
    return false;
  }
}

/** False also for a process that is gone, a dead one that nobody has waited for, and another user's. */
async function carries(pid: string, runs: ReadonlySet<string>): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  const at = environment.startsWith(`${MARK}=`) ? 0 : environment.indexOf(`\0${MARK}=`) + 1;
  if (at === 0 && !environment.startsWith(`${MARK}=`)) return false;
  const from = at + MARK.length + 1;
  const end = environment.indexOf('\0', from);
  return runs.has(environment.slice(from, end < 0 ? undefined : end));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}
