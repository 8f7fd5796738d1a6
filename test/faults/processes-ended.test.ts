import { APPS, type App, type AppProcess } from '../../scripts/local/app-process';
import { eventually } from '../support/eventually';
import { FaultSuite, print } from './support/fault-suite';

/** Of every app: a worker hands back at 70 % of it what still runs. */
const SHUTDOWN_SECONDS = 6;
/** Longer than any worker waits for its tasks. */
const LONG_SECONDS = 12;
/** How long after the signal an app may still begin something that it had in hand, in milliseconds. */
const IN_HAND = 500;
/** Without an answer: nobody listens, or the connection went with the process. */
const RESETS = ['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET'];

describe('one process ends under load while its replica stays', () => {
  let suite: FaultSuite;

  beforeAll(async () => {
    suite = await FaultSuite.start({ env: { SHUTDOWN_SECONDS: String(SHUTDOWN_SECONDS) } });
  });

  afterAll(() => suite?.stop());

  /** The replica that hurts most: the scheduler that leads, any of the others. */
  const victim = async (app: App): Promise<AppProcess> =>
    app === 'scheduler' ? suite.engine.leader() : suite.engine.members(app)[0]!;

  it.each(APPS)(
    'SIGKILL of a %s',
    async (app) => {
      const member = await victim(app);
      const { sent } = await suite.endure(`SIGKILL of a ${app}`, () => member.kill());
      // its replica takes on what the dead one does not
      if (app !== 'api-gateway') expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
    },
    150_000,
  );

  it.each(APPS)(
    'SIGTERM of a %s: nothing new, nothing lost, exit code 0',
    async (app) => {
      const member = await victim(app);
      const { pid } = member;
      const before = suite.listener.requests.length;
      let long: string[] = [];
      let asked = 0;
      const { sent } = await suite.endure(
        `SIGTERM of a ${app}`,
        async () => {
          if (app === 'task-worker') long = await longTasksOn(pid!);
          asked = Date.now();
          const { milliseconds, ...end } = await suite.takeDown(member);
          expect(end).toEqual({ code: 0, signal: null });
          print(`SIGTERM of a ${app}: ended with code 0 after ${milliseconds} ms`);
          expect(milliseconds).toBeLessThan((SHUTDOWN_SECONDS + 1) * 1_000);
          await suite.bringUp(member);
        },
        { repeats: 25 },
      );
      expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
      expect(new Set(sent.flatMap(({ fault }) => fault ?? []).filter((fault) => !RESETS.includes(fault)))).toEqual(
        new Set(),
      );
      await expectNothingLapsed(asked, pid!);
      // an orderly end leaves no callback in doubt, so none is repeated
      const ids = suite.listener.requests.slice(before).map(({ headers }) => headers['webhook-id']);
      expect(ids.length - new Set(ids).size).toBe(0);
      if (app === 'task-worker') await expectHandedBack(long);
    },
    150_000,
  );

  /** Tasks that this worker has and cannot finish before it must end. */
  async function longTasksOn(pid: number): Promise<string[]> {
    const ids = await suite.engine.submitAll(
      Array.from({ length: 4 }, () => ({
        workflow: 'sleep',
        parameters: { seconds: LONG_SECONDS },
        job: { priority: 1 },
      })),
    );
    const holders = await Promise.all(ids.map(async (id) => (await suite.engine.running(id)).pid));
    return ids.filter((_, n) => holders[n] === pid);
  }

  /** No lease ran out, no try was counted, and the process began nothing more. */
  async function expectNothingLapsed(asked: number, pid: number): Promise<void> {
    const since = new Date(asked);
    const lost = await suite.engine.query(`SELECT id FROM execution WHERE state = 'lost' AND finished_at >= $1`, [
      since,
    ]);
    expect(lost).toEqual([]);
    const counted = await suite.engine.query(
      'SELECT id FROM task WHERE created_at >= $1 AND (tries > 0 OR lost_leases > 0)',
      [since],
    );
    expect(counted).toEqual([]);
    const begun = await suite.engine.query(
      'SELECT e.id FROM execution e JOIN worker w ON w.id = e.worker_id WHERE w.pid = $1 AND e.started_at > $2',
      [pid, new Date(asked + IN_HAND)],
    );
    expect(begun).toEqual([]);
  }

  async function expectHandedBack(ids: string[]): Promise<void> {
    expect(ids.length).toBeGreaterThan(0);
    await suite.engine.reached(ids, 30_000);
    for (const id of ids)
      await eventually(async () =>
        expect(await suite.engine.executions(id)).toMatchObject([
          { cause: 'first', state: 'released' },
          { cause: 'released', state: 'succeeded' },
        ]),
      );
  }
});
