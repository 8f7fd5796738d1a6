import { expectRunOnce, replayStarts, type Replay } from '../../e2e/engine/history';
import { eventually } from '../../support/eventually';
import type { FaultSuite } from './fault-suite';
import type { Load } from './load';

/** Milliseconds in which a backlog must have been worked off. */
const DRAIN_TIMEOUT = 180_000;

/**
 * Waits until every job of the load is finished and expects: each acknowledged one stored under the id that its client was told; none stored
 * twice, acknowledged or not; each run once; no two leases of a task at one time; no limit passed at any start; each callback received, under one id.
 * Works on what is stored, so the load must have stopped.
 */
export async function expectIntact(suite: FaultSuite, load: Load): Promise<Replay> {
  const { engine, listener } = suite;
  const marks = load.sent.map(({ mark }) => mark);
  const stored = () =>
    engine.query<{ id: string; mark: string; state: string }>(
      `SELECT id, submitted->>'content_id' AS mark, state FROM job WHERE submitted->>'content_id' = ANY($1) ORDER BY id`,
      [marks],
    );
  const jobs = await eventually(
    async () => {
      const found = await stored();
      const open = found.filter(({ state }) => !['completed', 'failed', 'broken'].includes(state));
      if (open.length > 0) throw new Error(`${open.length} jobs are not finished, such as ${JSON.stringify(open[0])}`);
      return found;
    },
    { timeout: DRAIN_TIMEOUT, interval: 250 },
  );
  const idOf = new Map(jobs.map(({ id, mark }) => [mark, id]));
  // lost: acknowledged and not stored, or stored under another id than was told
  expect(load.accepted.filter(({ mark, id }) => idOf.get(mark) !== id)).toEqual([]);
  // doubled: one submission stored as two jobs
  expect(jobs.filter(({ id, mark }) => idOf.get(mark) !== id)).toEqual([]);
  const ids = jobs.map(({ id }) => id);
  await expectRunOnce(engine, ids);

  const overlapping = await engine.query(
    `SELECT * FROM (
       SELECT job_id, task_id, id, state, started_at, lag(finished_at) OVER (PARTITION BY task_id ORDER BY id) AS before
       FROM execution WHERE job_id = ANY($1::bigint[]) AND started_at IS NOT NULL) lease
     WHERE started_at < before`,
    [ids],
  );
  expect(overlapping).toEqual([]);

  const replay = await replayStarts(engine);
  expect(replay.violations).toEqual([]);

  const deliveries = await eventually(
    async () => {
      const found = await engine.query<{ messageId: string; event: string; state: string }>(
        `SELECT message_id AS "messageId", event, state FROM delivery WHERE job_id = ANY($1::bigint[])`,
        [ids],
      );
      expect(found.filter(({ state }) => state !== 'delivered')).toEqual([]);
      return found;
    },
    { timeout: DRAIN_TIMEOUT, interval: 250 },
  );
  const received = new Set(listener.requests.map(({ headers }) => headers['webhook-id']));
  expect(deliveries.filter(({ messageId }) => !received.has(messageId))).toEqual([]);
  return replay;
}
