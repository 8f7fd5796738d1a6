import { readFile, statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

/** Shares from 0 to 1 of what this process may use; null where it is not known. */
export interface MachineUse {
  cpu: number | null;
  memory: number | null;
  disk: number | null;
}

/** Processor time in milliseconds: used, and there to be used. */
interface CpuTimes {
  busy: number;
  total: number;
}

/** How busy the machine is that this process runs on: of a container with limits, the container. */
export class MachineLoad {
  private last: Promise<CpuTimes>;

  /**
   * @param folder whose file system is meant
   * @param cgroup where a container finds its limits (version 2)
   */
  constructor(
    private readonly folder: string,
    private readonly cgroup = '/sys/fs/cgroup',
  ) {
    this.last = this.cpuTimes();
  }

  /** The processors' use is that since the last look. */
  async look(): Promise<MachineUse> {
    const last = await this.last;
    const now = await (this.last = this.cpuTimes());
    const total = now.total - last.total;
    const cpu = total > 0 ? (now.busy - last.busy) / total : null;
    const disk = await statfs(this.folder).then(
      // as `df` has it: what is kept for root is neither used nor free
      ({ blocks, bfree, bavail }) =>
        blocks - bfree + bavail > 0 ? (blocks - bfree) / (blocks - bfree + bavail) : null,
      // a folder that nobody has written to yet
      () => null,
    );
    const memory = 1 - process.availableMemory() / Math.min(totalmem(), process.constrainedMemory() || Infinity);
    return { cpu: share(cpu), memory: share(memory), disk: share(disk) };
  }

  private async cpuTimes(): Promise<CpuTimes> {
    try {
      const [limit, use] = await Promise.all(['cpu.max', 'cpu.stat'].map((name) => this.read(name)));
      // `max 100000` without a limit
      const [, quota, period] = /^(\d+) (\d+)/.exec(limit!)!;
      const [, used] = /^usage_usec (\d+)/m.exec(use!)!;
      return { busy: Number(used) / 1_000, total: (performance.now() * Number(quota)) / Number(period) };
    } catch {
      return machineTimes();
    }
  }

  private read(name: string): Promise<string> {
    return readFile(join(this.cgroup, name), 'latin1');
  }
}

function machineTimes(): CpuTimes {
  let busy = 0;
  let total = 0;
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.irq + times.idle;
    total += all;
    busy += all - times.idle;
  }
  return { busy, total };
}

function share(value: number | null): number | null {
  return value === null ? null : Math.min(1, Math.max(0, value));
}
