import type { Bar, Figures } from './benchmark';

/** The figures of every side in one round of turns. */
export type Round = Record<string, Figures>;

export interface Verdict extends Bar {
  /** One per round: the ratio, or the figure itself where there is nothing to compare with. */
  values: number[];
  median: number;
  min: number;
  max: number;
  reached: { must?: boolean; aim?: boolean };
}

/**
 * Judges a bar by the median of its rounds.
 * @throws Error when a side did not measure the figure
 */
export function judge(bar: Bar, rounds: Round[]): Verdict {
  const values = rounds.map((round) => {
    const own = figureOf(round, bar.of, bar.figure);
    return bar.against === undefined ? own : own / figureOf(round, bar.against, bar.againstFigure ?? bar.figure);
  });
  const middle = median(values);
  const holds = (limit: number | undefined) =>
    limit === undefined ? undefined : bar.better === 'higher' ? middle >= limit : middle <= limit;
  return {
    ...bar,
    values,
    median: middle,
    min: Math.min(...values),
    max: Math.max(...values),
    reached: { must: holds(bar.must), aim: holds(bar.aim) },
  };
}

function figureOf(round: Round, side: string, figure: string): number {
  const value = round[side]?.[figure];
  if (value === undefined || !Number.isFinite(value)) throw new Error(`${side} has no usable figure '${figure}'`);
  return value;
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** The smallest value that at least `share` (0 to 1) of the values do not pass. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
