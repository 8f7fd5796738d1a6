import type { Screen } from './screen';

/** What the demo claims, each claim tested: one line on the screen, and the exit code. */
export class Checks {
  /** The claims that did not hold, in order. */
  readonly failed: string[] = [];
  /** Claims tested. */
  count = 0;

  constructor(private readonly screen: Screen) {}

  /** @param fault shown instead of the claim when it does not hold. */
  that(holds: boolean, claim: string, fault = claim): void {
    if (!holds) return this.fail(fault);
    this.count++;
    this.screen.line(`  ok    ${claim}`);
  }

  fail(reason: string): void {
    this.count++;
    this.failed.push(reason);
    this.screen.line(`  FAIL  ${reason}`);
  }
}
