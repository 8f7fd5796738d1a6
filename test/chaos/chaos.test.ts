import { randomInt } from 'node:crypto';
import { runChaos } from './chaos-run';

/** Seconds of operations and faults; the run drains for up to 90 s more. */
const SECONDS = Number(process.env.CHAOS_SECONDS ?? 600);
const SEED = Number(process.env.CHAOS_SEED ?? randomInt(1, 1_000_000));

describe(`${SECONDS} s of random operations and faults, CHAOS_SEED=${SEED}`, () => {
  it(
    'leave a history without a contradiction to the invariants',
    async () => {
      const { violations, report, summary } = await runChaos({ seconds: SECONDS, seed: SEED });
      process.stdout.write(`  ${summary}\n`);
      if (violations.length > 0) throw new Error(report);
    },
    (SECONDS + 300) * 1_000,
  );
});
