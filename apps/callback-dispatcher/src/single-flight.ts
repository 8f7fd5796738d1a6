/**
 * Runs `work` one at a time. Asked for while it runs, it runs once more afterwards, so nothing that happened meanwhile goes unseen and
 * any number of requests costs one run.
 */
export class SingleFlight {
  private wanted = false;
  private current: Promise<void> | undefined;

  /** @param work deals with its own errors */
  constructor(private readonly work: () => Promise<void>) {}

  request(): void {
    this.wanted = true;
    this.current ??= this.run();
  }

  /** Resolves when nothing runs and nothing is asked for. */
  async idle(): Promise<void> {
    while (this.current) await this.current;
  }

  private async run(): Promise<void> {
    // after the caller's own synchronous work: what it is about to add is in the first run
    await Promise.resolve();
    while (this.wanted) {
      this.wanted = false;
      await this.work();
    }
    this.current = undefined;
  }
}
