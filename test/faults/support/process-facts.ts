import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Numbers of the processes (zombies left out) whose command line holds a text. Linux only. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').includes(text));
}

/** Resident memory of a process, in MB; 0 when it is gone. */
export function residentMegabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

/** The most resident memory of some processes while something runs, in MB, looked at every 50 ms. */
export async function mostMemoryDuring<T>(
  pids: readonly number[],
  run: () => Promise<T>,
): Promise<{ result: T; most: number }> {
  let most = 0;
  const over = new AbortController();
  const looking = (async () => {
    while (!over.signal.aborted) {
      most = Math.max(most, ...pids.map(residentMegabytes));
      await delay(50, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  try {
    return { result: await run(), most };
  } finally {
    over.abort();
    await looking;
  }
}

/** A process may end between two looks. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
