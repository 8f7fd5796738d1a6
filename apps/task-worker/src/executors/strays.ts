import { readdir, readFile } from 'node:fs/promises';

/** Names a run in the environment of all that descends from it. */
const MARK = 'TASK_ENGINE_RUN';
/** A process that forks faster than it is found gives up its race after this many rounds, or wins it. */
const ROUNDS = 10;

export function markOf(run: string): Record<string, string> {
  return { [MARK]: run };
}

/**
 * Kills what has left its process group (`setsid`, a daemon): it is known by its environment, which it inherited. Linux only; a process that
 * gave itself another environment is not found.
 */
export async function killStrays(run: string): Promise<void> {
  if (process.platform !== 'linux') return;
  for (let round = 0; round < ROUNDS; round += 1) {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(pids.map((pid) => carries(pid, run)));
    const strays = pids.filter((_, index) => found[index]);
    if (strays.length === 0) return;
    for (const pid of strays) kill(Number(pid));
  }
}

/** False also for a process that is gone, a dead one that nobody has waited for, and another user's. */
async function carries(pid: string, run: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  return environment.split('\0').includes(`${MARK}=${run}`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}
