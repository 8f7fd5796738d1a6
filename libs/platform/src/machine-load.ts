import { statfs } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';

/** Shares from 0 to 1 of what the machine has; null where it is not known. */
export interface MachineUse {
  cpu: number | null;
  memory: number | null;
  disk: number | null;
}

/** How busy the machine is that this process runs on. In a container: the machine around it. */
export class MachineLoad {
  private last = cpuTimes();

  /** @param folder whose file system is meant */
  constructor(private readonly folder: string) {}

  /** The processors' use is that since the last look. */
  async look(): Promise<MachineUse> {
    const now = cpuTimes();
    const total = now.total - this.last.total;
    const cpu = total > 0 ? (now.busy - this.last.busy) / total : null;
    this.last = now;
    const disk = await statfs(this.folder).then(
      ({ blocks, bfree }) => (blocks > 0 ? 1 - bfree / blocks : null),
      // a folder that nobody has written to yet
      () => null,
    );
    return { cpu: share(cpu), memory: share(1 - freemem() / totalmem()), disk: share(disk) };
  }
}

function cpuTimes(): { busy: number; total: number } {
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
