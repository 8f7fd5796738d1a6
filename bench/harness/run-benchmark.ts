import { join } from 'node:path';
import type { BenchServers } from './bench-servers';
import type { Benchmark, Measurement } from './benchmark';
import { figuresLine, useLine } from './lines';
import { judge, type Verdict } from './verdict';
import { Turn, type WindowUse } from './turn';

/** One side's go in one round. */
export interface TurnResult extends Measurement {
  side: string;
  use?: WindowUse;
}

export interface BenchmarkResult {
  id: string;
  title: string;
  notes: string[];
  sides: { name: string; setup: string }[];
  /** In the order of time: each side once a round. */
  rounds: TurnResult[][];
  verdicts: Verdict[];
}

export interface RunOptions {
  servers: BenchServers;
  /** Rounds: each side has one turn in each. */
  pairs: number;
  print: (line: string) => void;
  profileFolder?: string;
}

/**
 * Lets the sides of a benchmark take turns: A B A B A B. What disturbs the machine for a while hits neighbours alike, so the ratio of each
 * round means more than the ratio of two long runs.
 * @throws Error of a side that failed or that lost or doubled an id
 */
export async function runBenchmark(benchmark: Benchmark, options: RunOptions): Promise<BenchmarkResult> {
  const { servers, pairs, print, profileFolder } = options;
  const { id, title, sides, bars, notes = [] } = benchmark;
  print(`\n${id}  ${title}`);
  const rounds: TurnResult[][] = [];
  for (let round = 1; round <= pairs; round++) {
    const turns: TurnResult[] = [];
    for (const side of sides) {
      const began = Date.now();
      const head = `  ${id} ${round}/${pairs} ${side.name}`;
      const turn = await Turn.begin({
        servers,
        folder: join(servers.folder, 'turns', `${id}-${round}-${side.name.replaceAll(/\W+/g, '-')}`),
        note: (text) => print(`${head}: ... ${text}`),
        profileFolder,
      });
      try {
        const measurement = await side.run(turn);
        turns.push({ side: side.name, ...measurement, use: turn.use });
        print(`${head}: ${figuresLine(measurement.figures)}  [${Math.round((Date.now() - began) / 1000)} s in all]`);
        print(`      ${measurement.checked}`);
        if (turn.use) print(`      ${useLine(turn.use)}`);
      } finally {
        await turn.end();
      }
    }
    rounds.push(turns);
  }
  const figures = rounds.map((turns) => Object.fromEntries(turns.map((turn) => [turn.side, turn.figures])));
  return {
    id,
    title,
    notes,
    sides: sides.map(({ name, setup }) => ({ name, setup })),
    rounds,
    verdicts: bars.map((bar) => judge(bar, figures)),
  };
}
