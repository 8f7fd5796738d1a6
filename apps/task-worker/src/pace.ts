/** Tasks that take longer than this on the average, in milliseconds, are not claimed before there is a slot for them. */
const SLOW_MS = 50;
/** Most that is claimed ahead for one queue. */
const MOST_AHEAD = 250;
/** How much the newest task counts in the average. */
const WEIGHT = 0.1;

/**
 * How far ahead of its free slots a worker claims. A claim is a round trip and a commit: for tasks of a millisecond, slots would mostly
 * wait for it. So as much is claimed as the slots do in about 50 ms; of slow tasks nothing, since another worker may be free for them.
 */
export class Pace {
  /** Unknown tasks count as slow. */
  private averageMs = 10 * SLOW_MS;

  constructor(private readonly slots: number) {}

  /** Number of executions to have in store. */
  get ahead(): number {
    return this.averageMs > SLOW_MS ? 0 : Math.min(MOST_AHEAD, Math.floor((this.slots * SLOW_MS) / this.averageMs));
  }

  /** A task took this long. */
  took(milliseconds: number): void {
    this.averageMs += (milliseconds - this.averageMs) * WEIGHT;
  }

  /** What was claimed ahead did not get its turn: nothing is, until tasks have shown to be fast again. */
  misjudged(): void {
    this.averageMs = 10 * SLOW_MS;
  }
}
