import type { Moment } from './punctuality-peer';

/** What two processes may differ in what time it is, in ms: each adds its own age to the time at which it began. */
const CLOCK_MS = 1;

export interface Lateness {
  /** From the due time to the start, in the order of `due`. */
  milliseconds: number[];
  /** What was checked, in one line. */
  checked: string;
}

/**
 * Compares due times with starts.
 * @throws Error when a job started early, more than once or not at all, or one started that was not due
 */
export function latenessOf(due: readonly Moment[], starts: readonly Moment[]): Lateness {
  const started = new Map(starts);
  const known = new Set(due.map(([job]) => job));
  const missed = due.filter(([job]) => !started.has(job)).length;
  const unknown = starts.filter(([job]) => !known.has(job)).length;
  const doubled = starts.length - started.size;
  const milliseconds = due.map(([job, at]) => (started.get(job) ?? Number.NaN) - at);
  const early = milliseconds.filter((late) => late < -CLOCK_MS).length;
  if (missed + unknown + doubled + early > 0)
    throw new Error(`not punctual: ${early} early, ${doubled} doubled, ${missed} missed, ${unknown} unknown`);
  return { milliseconds, checked: `checked: ${due.length} starts, none early, doubled or missed` };
}
