import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Names a run in the environment of all that descends from it. */
const MARK = 'TASK_ENGINE_RUN';
/** A process that forks faster than it is found gives up its race after this many rounds, or wins it. */
const ROUNDS = 10;

export function markOf(run: string): Record<string, string> {
  return { [MARK]: run };
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

/** @param exited resolves when it has ended */
export function isProgram(pid: number, exited: Promise<void>): void {
  const name = String(pid);
  running.add(name);
  void exited.then(() => running.delete(name));
}

/** After this long, in milliseconds, process numbers may have begun anew without anybody noticing. */
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
 * gave itself another environment is not found. Of a short run only the processes are looked at that are younger than it; of others all of
 * the machine (some milliseconds). Those that ask meanwhile share the next look.
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
      await killAll(new Set(asked.map(({ run }) => run)), oldest(asked));
      for (const { resolve } of asked) resolve();
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
  looking = false;
}

/** The process number above which their descendants are: 0 when numbers may have begun anew since. */
function oldest(asked: readonly EndedRun[]): number {
  const first = Math.min(...asked.map(({ pid }) => pid));
  if (asked.some(({ since }) => Date.now() - since > NUMBERS_HOLD_MS)) return 0;
  // The kernel answers at once: what a thread of the pool costs is more than that.
  const last = Number(readFileSync('/proc/loadavg', 'latin1').split(' ').at(-1));
  return last >= Math.max(...asked.map(({ pid }) => pid)) ? first : 0;
}

async function killAll(runs: ReadonlySet<string>, above: number): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const pids = readdirSync('/proc').filter(
      (name) => /^\d+$/.test(name) && Number(name) > above && !running.has(name),
    );
    const found = await Promise.all(pids.map((pid) => carries(pid, runs)));
    const strays = pids.filter((_, index) => found[index]);
    if (strays.length === 0) return;
    for (const pid of strays) kill(Number(pid));
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
