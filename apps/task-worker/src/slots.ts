/** What may run at one time, of one source of work or of several together. */
export class Slots {
  private taken = 0;
  private readonly sources: (() => void)[] = [];
  private turn = 0;

  constructor(readonly size: number) {}

  get free(): number {
    return this.size - this.taken;
  }

  /** @param offered called when slots are free */
  join(offered: () => void): void {
    this.sources.push(offered);
  }

  take(count: number): void {
    this.taken += count;
  }

  give(count: number): void {
    this.taken -= count;
  }

  /** Offers what is free to the sources, each time to another one first: a long queue must not keep the others from their turn. */
  offer(): void {
    const { length } = this.sources;
    for (let n = 0; n < length && this.free > 0; n += 1) this.sources[(this.turn + n) % length]!();
    this.turn = (this.turn + 1) % length;
  }
}
