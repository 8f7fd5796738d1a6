/** Length of the window over which a rate is measured, in milliseconds: long enough to even out batches and checkpoints. */
export const WINDOW_MS = 2_000;
/** Part of the reference rate that counts as full: windows of two runs without a fault differ by about as much. */
export const FULL = 0.8;

export interface Recovery {
  /** Milliseconds from the kill until the rate is full: the start of the first window from then on that holds enough completions. */
  milliseconds: number;
  /** Completions per second in the emptiest window that began after the kill and ended before the work ran out. */
  lowestRate: number;
}

/**
 * When the rate of completions was full again after a fault.
 * @param completions times in ms, in any order
 * @param killedAt in ms, same clock
 * @param reference full rate in completions per second
 * @throws Error when the rate never was full again, or too little work was left to tell
 */
export function recoveryAfter(completions: readonly number[], killedAt: number, reference: number): Recovery {
  const later = completions.filter((at) => at >= killedAt).sort((a, b) => a - b);
  const needed = Math.ceil((FULL * reference * WINDOW_MS) / 1_000);
  if (later.length < needed)
    throw new Error(`${later.length} completions after the kill are too few: a full window has ${needed}`);
  // A window is fullest when it begins with a completion, or at the kill.
  const starts = [killedAt, ...later];
  const counted = windowCounts(starts, later);
  const full = counted.findIndex((count) => count >= needed);
  if (full === -1) throw new Error(`the rate was never ${Math.round(FULL * reference)}/s again after the kill`);
  const whole = counted.filter((_, index) => starts[index]! + WINDOW_MS <= later.at(-1)!);
  return {
    milliseconds: starts[full]! - killedAt,
    lowestRate: (Math.min(...(whole.length > 0 ? whole : counted)) * 1_000) / WINDOW_MS,
  };
}

/** For each start the completions within its window. Both lists are in order. */
function windowCounts(starts: readonly number[], completions: readonly number[]): number[] {
  let from = 0;
  let to = 0;
  return starts.map((start) => {
    while (from < completions.length && completions[from]! < start) from += 1;
    while (to < completions.length && completions[to]! < start + WINDOW_MS) to += 1;
    return to - from;
  });
}
