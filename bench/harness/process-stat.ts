import { readFileSync, readdirSync } from 'node:fs';

/** The kernel counts CPU time of a process in hundredths of a second on every platform that has /proc. */
const TICKS_PER_SECOND = 100;
const PAGE_KB = 4;

interface Stat {
  parent: number;
  /** Seconds of the process itself, user and system. */
  cpu: number;
  /** Seconds of its children that have ended and were waited for. */
  childrenCpu: number;
}

function stat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold blanks: field 3 is the first one behind it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const seconds = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) / TICKS_PER_SECOND;
    return { parent: Number(fields[1]), cpu: seconds(11), childrenCpu: seconds(13) };
  } catch {
    return undefined;
  }
}

/** The process and, of a server with a process per connection, its children. */
export function familyOf(pid: number, withChildren: boolean): number[] {
  if (!withChildren) return [pid];
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => stat(each)?.parent === pid);
  return [pid, ...children];
}

/** CPU seconds used so far. With children: those that have ended count too, so a difference misses no connection. */
export function cpuSecondsOf(pid: number, withChildren: boolean): number {
  const [own, ...children] = familyOf(pid, withChildren).map(stat);
  if (!own) return 0;
  const ended = withChildren ? own.childrenCpu : 0;
  return own.cpu + ended + children.reduce((sum, child) => sum + (child?.cpu ?? 0), 0);
}

/** Resident memory in MB; pages that several processes of a family share count once for each. 0 when it is gone. */
export function rssMbOf(pid: number, withChildren: boolean): number {
  return familyOf(pid, withChildren).reduce((sum, each) => {
    try {
      return sum + (Number(readFileSync(`/proc/${each}/statm`, 'utf8').split(' ')[1]) * PAGE_KB) / 1024;
    } catch {
      return sum;
    }
  }, 0);
}

/** Proportional memory in MB: a shared page counts by its share. NaN where the kernel does not show it. */
export function pssMbOf(pid: number, withChildren: boolean): number {
  return familyOf(pid, withChildren).reduce((sum, each) => {
    try {
      const [, kilobytes] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, 'utf8')) ?? [];
      return sum + Number(kilobytes) / 1024;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EACCES' ? Number.NaN : sum;
    }
  }, 0);
}
