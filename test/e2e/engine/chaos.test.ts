import { randomInt } from 'node:crypto';
import { runChaos } from '../../chaos/chaos-run';

/** Replays a run's operations and faults; without it each run has others. */
const SEED = Number(process.env.CHAOS_SEED ?? randomInt(1, 1_000_000));

describe(`random operations and faults, CHAOS_SEED=${SEED}`, () => {
  it('leave a history without a contradiction to the invariants', async () => {
    const { violations, report, summary } = await runChaos({ seconds: 15, seed: SEED });
    process.stdout.write(`  ${summary}\n`);
    if (violations.length > 0) throw new Error(report);
  }, 240_000);
});
