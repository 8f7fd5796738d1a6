import type { AppProcess } from '../../scripts/local/app-process';
import { expectRunOnce } from '../e2e/engine/history';
import { eventually } from '../support/eventually';
import { FaultSuite, lasting, print } from './support/fault-suite';
import { completions } from './support/recovery';

/** `sh -c`, whose parent is the worker: setpriv and sh replace one another in the same process. */
const KILLS_ITS_WORKER = `version: 1
parameters: { type: object }
tasks:
  - { name: kill, uses: command, with: { argv: [sh, -c, 'kill -9 $PPID; sleep 60'] } }
`;

const HAS_AN_EFFECT = `version: 1
parameters: { type: object, required: [url], properties: { url: { type: string, format: http-url } } }
tasks:
  - { name: effect, uses: http, with: { method: POST, url: '\${parameters.url}' } }
`;

describe('workers that die or freeze with work in hand', () => {
  let suite: FaultSuite;

  beforeAll(async () => {
    suite = await FaultSuite.start({
      env: { COMMAND_ALLOW: 'sh' },
      workflows: { kills_its_worker: KILLS_ITS_WORKER, has_an_effect: HAS_AN_EFFECT },
    });
  });

  afterAll(() => suite?.stop());

  it('SIGKILL after the effect and before the report: the task runs again, and is finished once', async () => {
    const { engine, listener } = suite;
    // the effect has come to pass, the answer that would lead to the report has not
    listener.answer('/effect', { hang: true }, { status: 200 });
    let id = '';
    await suite.endure('SIGKILL of a worker between effect and report', async () => {
      id = await engine.submit('has_an_effect', { url: listener.url('/effect') }, { priority: 1 });
      await listener.received(1, ({ path }) => path === '/effect');
      await engine.holder(await engine.running(id)).kill();
    });
    await engine.reached([id], 15_000);
    await expectRunOnce(engine, [id]);
    expect(listener.to('/effect')).toHaveLength(2);
    expect(await engine.executions(id)).toMatchObject([
      { cause: 'first', state: 'lost' },
      { cause: 'lease_lost', state: 'succeeded' },
    ]);
  }, 150_000);

  it('SIGSTOP for 30 s: the work runs elsewhere, the late report is refused, the task is finished once', async () => {
    const { engine } = suite;
    let id = '';
    let frozen: AppProcess | undefined;
    let pid: number | undefined;
    let first = '';
    await suite.endure('SIGSTOP of a worker for 30 s, then SIGCONT', async () => {
      id = await engine.submit('sleep', { seconds: 4 }, { priority: 1 });
      const execution = await engine.running(id);
      first = execution.id;
      frozen = engine.holder(execution);
      pid = frozen.pid;
      process.kill(pid!, 'SIGSTOP');
      try {
        await lasting(30);
      } finally {
        process.kill(pid!, 'SIGCONT');
      }
    });
    // its timer had long run out when it woke: it reported at once
    expect((await engine.left(first, 15_000)).outcome).toBe('lease_lost');
    expect(frozen!.pid).toBe(pid);
    await engine.reached([id], 15_000);
    await expectRunOnce(engine, [id]);
    const [lost, again] = await engine.executions(id);
    expect([lost, again]).toMatchObject([{ state: 'lost' }, { cause: 'lease_lost', state: 'succeeded' }]);
    expect(again!.pid).not.toBe(pid);
  }, 180_000);

  it('a job that kills its worker every time fails as poison after three leases, the others keep 90 % of their rate', async () => {
    const { engine } = suite;
    // a dead worker's jobs keep their slots until their leases end: room for them beside the others
    await engine.set({ max_jobs: 24 });
    let id = '';
    let over = 0;
    const { sent, began, rate } = await suite.endure('a job that kills its worker every time', async () => {
      id = await engine.submit('kills_its_worker', {}, { priority: 1 });
      await engine.reached([id], 120_000, 'failed');
      over = Date.now();
    });
    const [task] = await engine.query(
      `SELECT t.state, t.error, lost_leases AS "lostLeases" FROM task t WHERE job_id = $1`,
      [id],
    );
    expect(task).toMatchObject({ state: 'failed', lostLeases: 3 });
    expect(String((task as { error: string }).error)).toMatch(/^poison: its worker died 3 times while it ran 'kill'$/);
    expect((await engine.executions(id)).map(({ state }) => state)).toEqual(['lost', 'lost', 'lost']);
    const share = (await completions(suite.pool, began, over)).length / (((over - began) / 1_000) * rate);
    print(
      `three dead workers in ${Math.round((over - began) / 1_000)} s: the others completed ${Math.round(share * 100)} % of their rate`,
    );
    expect(share).toBeGreaterThanOrEqual(0.9);
    expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
    await eventually(async () => expect(new Set(await engine.readiness())).toEqual(new Set([200])));
  }, 240_000);
});
