import { cpuSecondsOf, pssMbOf, rssMbOf } from './process-stat';

export interface Watched {
  name: string;
  /** Asked at each look: an app that was killed comes back under another number. */
  pid: () => number | undefined;
  /** PostgreSQL: a process per connection. */
  withChildren?: boolean;
  /** Writes a CPU profile between two SIGUSR2. */
  profiled?: boolean;
}

/** What one process used during a window. */
export interface ProcessUse {
  name: string;
  cpuSeconds: number;
  /** Highest resident memory seen (PostgreSQL: at the end, shared pages counted once). */
  rssMb: number;
  /** Proportional memory at the end; absent where the kernel does not show it. */
  pssMb?: number;
}

const LOOK_EVERY_MS = 500;

/** CPU and memory of a set of processes from `begin` to `end`. */
export class ProcessWatch {
  private readonly peaks = new Map<string, number>();
  /** CPU of numbers that a name had: an app restarted under a new number keeps what it had used. */
  private readonly seen = new Map<string, Map<number, { first: number; last: number }>>();
  private timer?: NodeJS.Timeout;

  constructor(private readonly watched: readonly Watched[]) {}

  begin(): void {
    this.look(true);
    this.timer = setInterval(() => this.look(false), LOOK_EVERY_MS);
  }

  end(): ProcessUse[] {
    clearInterval(this.timer);
    this.look(false);
    return this.watched.map(({ name, pid, withChildren = false }) => {
      const uses = [...(this.seen.get(name)?.values() ?? [])];
      const number = pid();
      const pssMb = number === undefined ? Number.NaN : pssMbOf(number, withChildren);
      return {
        name,
        cpuSeconds: round(uses.reduce((sum, { first, last }) => sum + last - first, 0)),
        rssMb: round(withChildren && !Number.isNaN(pssMb) ? pssMb : (this.peaks.get(name) ?? 0)),
        ...(Number.isNaN(pssMb) ? {} : { pssMb: round(pssMb) }),
      };
    });
  }

  private look(atBegin: boolean): void {
    for (const { name, pid, withChildren = false } of this.watched) {
      const number = pid();
      if (number === undefined) continue;
      const cpu = cpuSecondsOf(number, withChildren);
      const uses = this.seen.get(name) ?? new Map<number, { first: number; last: number }>();
      this.seen.set(name, uses);
      const use = uses.get(number);
      if (use) use.last = Math.max(use.last, cpu);
      // A process that started within the window has used all of its time in it.
      else uses.set(number, { first: atBegin ? cpu : 0, last: cpu });
      this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, rssMbOf(number, withChildren)));
    }
  }
}

const round = (value: number) => Math.round(value * 100) / 100;
