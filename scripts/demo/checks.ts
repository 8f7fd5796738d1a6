import type { Screen } from './screen';

/** What the demo claims, each claim tested: one line on the screen, and the exit code. */
export class Checks {
  /** The claims that did not hold, in order. */
  readonly failed: string[] = [];

  constructor(private readonly screen: Screen) {}

  /** @param fault shown instead of the claim when it does not hold. */
  that(holds: boolean, claim: string, fault = claim): void {
    if (holds) this.screen.line(`  ok    ${claim}`);
    else this.fail(fault);
  }

  fail(reason: string): void {
    this.failed.push(reason);
    this.screen.line(`  FAIL  ${reason}`);
  }
}
