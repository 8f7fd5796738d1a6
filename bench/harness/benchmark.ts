import type { BenchServers } from './bench-servers';
import type { StoredPerJob } from './storage';
import type { Turn } from './turn';

/** Measured numbers by name; the name carries the unit, e.g. `jobs/s` or `p99 ms`. */
export type Figures = Record<string, number>;

/** What one side gives for one turn. */
export interface Measurement {
  figures: Figures;
  /** What was checked at the end, in one line: how many ids, each once. A side that finds one missing or doubled throws instead. */
  checked: string;
  /** Bytes that one job costs in PostgreSQL and Redis. */
  stored?: StoredPerJob;
}

/** One of the programs that a benchmark compares. */
export interface Side {
  name: string;
  /** What runs and how it is set up, for whoever reads the results. */
  setup: string;
  /**
   * One turn: start, warm up, measure inside `turn.window`, check exact delivery. Whatever `turn` started, it ends.
   * @throws Error when an id is missing or doubled: that ends the whole run
   */
  run(turn: Turn): Promise<Measurement>;
}

/** What has to hold: of a ratio of two sides, or of one side's own number. */
export interface Bar {
  name: string;
  /** Which figure. */
  figure: string;
  /** Name of the side that is judged. */
  of: string;
  /** Name of the side that it is divided by, turn by turn; without it the figure itself is judged. */
  against?: string;
  /** Figure of `against` [the same]. */
  againstFigure?: string;
  better: 'higher' | 'lower';
  must?: number;
  aim?: number;
}

export interface Benchmark {
  /** As in the table of docs/performance.md, e.g. `P2`. */
  id: string;
  title: string;
  /** Answers why this machine cannot run it; undefined when it can. Called once, before any side. */
  missing?: (servers: BenchServers) => Promise<string | undefined>;
  sides: Side[];
  bars: Bar[];
  /** What a reader has to know to judge the numbers. */
  notes?: string[];
}

/** How much work the benchmarks are to do. */
export interface Scale {
  /** `--quick`: everything is tried, nothing is measured well. */
  quick: boolean;
  /** The number for a full run, or the one for a quick run. */
  of(full: number, quick: number): number;
}

export function scale(quick: boolean): Scale {
  return { quick, of: (full, small) => (quick ? small : full) };
}
