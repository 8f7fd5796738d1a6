import { setTimeout as delay } from 'node:timers/promises';
import { expectRunOnce } from '../e2e/engine/history';
import { FaultSuite, print } from './support/fault-suite';

/** Jobs that are due on one second. */
const DUE = 200;
/** Milliseconds from the takeover to the last release: one batch of statements. */
const RELEASE = 2_000;

describe('two schedulers', () => {
  let suite: FaultSuite;

  beforeAll(async () => {
    suite = await FaultSuite.start({ replicas: { scheduler: 2 } });
    await suite.engine.set({ max_jobs: 2 * DUE, priority_slots: 0 });
  });

  afterAll(() => suite?.stop());

  // just before the batch, in the middle of it, just after its first statement
  it.each([-20, 5, 30])(
    'whose leader is killed %d ms after the second at which 200 jobs are due: each fires once, late by the takeover at most',
    async (offset) => {
      const { engine } = suite;
      const leader = await engine.leader();
      const asked = Date.now();
      await engine.submitAll(Array.from({ length: DUE / 10 }, () => ({ workflow: 'noop' })));
      // all of them must be handed in before the second comes, however slow the machine is today
      const due = Math.ceil((Date.now() + 15 * (Date.now() - asked)) / 1_000) * 1_000 + 3_000;
      const ids = await engine.submitAll(
        Array.from({ length: DUE }, () => ({ workflow: 'noop', job: { run_at: new Date(due).toISOString() } })),
      );
      expect(Date.now()).toBeLessThan(due - 500);
      await delay(due + offset - Date.now());
      const down = engine.local.takeDown('scheduler', leader.replica, 'SIGKILL');
      const next = await engine.leader(
        15_000,
        engine.members('scheduler').filter((member) => member !== leader),
      );
      const takeover = Date.now() - (due + offset);
      expect(next).not.toBe(leader);
      await down;
      await engine.reached(ids, 30_000);
      await expectRunOnce(engine, ids);
      const released = await engine.query<{ late: number; n: number }>(
        `SELECT EXTRACT(EPOCH FROM max(m.at) - to_timestamp($2))::float8 * 1000 AS late, count(*)::int AS n
         FROM job_transition m WHERE job_id = ANY($1::bigint[]) AND from_state = 'scheduled' AND to_state = 'queued' GROUP BY job_id`,
        [ids, due / 1_000],
      );
      const late = released.map((row) => row.late);
      print(
        `leader killed ${offset} ms after the due second: ${released.length} of ${DUE} fired once, ` +
          `takeover ${takeover} ms, latest release ${Math.round(Math.max(...late))} ms late`,
      );
      expect(released).toHaveLength(DUE);
      expect(released.filter(({ n }) => n !== 1)).toEqual([]);
      expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...late)).toBeLessThanOrEqual(Math.max(0, takeover) + RELEASE);
      await suite.bringUp(leader);
    },
    180_000,
  );
});
