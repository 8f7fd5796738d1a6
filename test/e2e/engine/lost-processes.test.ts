import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { AppProcess } from '../../../scripts/local/app-process';
import { eventually } from '../../support/eventually';
import { between, EngineSuite, measured } from './engine-suite';
import { expectRunOnce } from './history';

/** Of a worker: it hands back at 70 % of it what still runs. */
const SHUTDOWN_SECONDS = 6;

describe('processes that go', () => {
  let suite: EngineSuite;

  beforeAll(async () => {
    suite = await EngineSuite.start({ env: { SHUTDOWN_SECONDS: String(SHUTDOWN_SECONDS) } });
    await suite.set({ max_jobs: 100 });
  });

  afterEach(() => suite.local.ready());

  afterAll(() => suite?.stop());

  it('SIGKILL: the task runs again within 12 s and the history says why', async () => {
    const id = await suite.submit('sleep', { seconds: 3 });
    const first = await suite.running(id);
    const killed = Date.now();
    await suite.holder(first).kill();
    const second = await suite.running(id, 2, 13_000);
    measured('worker killed until its task runs again', between(killed, second.startedAt), 'ms');
    expect(between(killed, second.startedAt)).toBeLessThanOrEqual(12_000);
    await suite.reached([id], 10_000);
    await expectRunOnce(suite, [id]);
    expect(await suite.executions(id)).toMatchObject([
      { cause: 'first', state: 'lost', error: 'lease expired', pid: first.pid },
      { cause: 'lease_lost', state: 'succeeded' },
    ]);
    expect((await suite.messages(id)).join('\n')).toMatch(
      new RegExp(
        `Worker \\S+:${first.pid} stopped answering while it ran 'sleep' \\(lease lost, 1 of 3\\): it runs again`,
      ),
    );
  });

  it('SIGSTOP for 15 s: the task is rerun elsewhere, and what the frozen worker says later is refused', async () => {
    const id = await suite.submit('sleep', { seconds: 4 });
    const first = await suite.running(id);
    const frozen = suite.holder(first);
    const { pid } = frozen;
    process.kill(pid!, 'SIGSTOP');
    const stopped = Date.now();
    try {
      const second = await suite.running(id, 2, 20_000);
      measured('worker frozen until its task runs elsewhere', between(stopped, second.startedAt), 'ms');
      expect(second.pid).not.toBe(pid);
      await eventually(() => Date.now() - stopped >= 15_000, { timeout: 20_000 });
    } finally {
      process.kill(pid!, 'SIGCONT');
    }
    // its timer has long run out when it wakes: it reports at once
    expect((await suite.left(first.id, 10_000)).outcome).toBe('lease_lost');
    expect(frozen.pid).toBe(pid);
    await suite.reached([id], 10_000);
    await expectRunOnce(suite, [id]);
    expect(await suite.executions(id)).toMatchObject([{ state: 'lost' }, { cause: 'lease_lost', state: 'succeeded' }]);
    expect((await suite.messages(id)).filter((message) => message.includes('completed successfully'))).toHaveLength(2);
  });

  it('SIGTERM: it exits 0, short tasks finish, long ones are handed back and run again without a try being counted', async () => {
    const short = await suite.submitAll(
      Array.from({ length: 8 }, () => ({ workflow: 'sleep', parameters: { seconds: 2 } })),
    );
    const long = await suite.submitAll(
      Array.from({ length: 8 }, () => ({ workflow: 'sleep', parameters: { seconds: 9 } })),
    );
    const firsts = new Map<string, number | null>();
    for (const id of [...short, ...long]) firsts.set(id, (await suite.running(id)).pid);
    const leaving = suite.holder({ ...(await suite.running(long[0]!)) });
    const { pid } = leaving;
    const began = Date.now();
    expect(await exitCode(leaving, () => suite.local.takeDown('task-worker', leaving.replica))).toEqual({
      code: 0,
      signal: null,
    });
    measured('SIGTERM until the worker has ended', Date.now() - began, 'ms');
    await suite.local.bringUp('task-worker', leaving.replica);
    await suite.reached([...short, ...long], 30_000);
    await expectRunOnce(suite, [...short, ...long]);

    for (const id of short) expect(await suite.executions(id)).toHaveLength(1);
    const released = long.filter((id) => firsts.get(id) === pid);
    expect(released.length).toBeGreaterThan(0);
    for (const id of long) {
      const executions = (await suite.executions(id)).map(({ cause, state }) => [cause, state]);
      const handedBack = [
        ['first', 'released'],
        ['released', 'succeeded'],
      ];
      expect(executions).toEqual(released.includes(id) ? handedBack : [['first', 'succeeded']]);
    }
    const [counted] = await suite.query<{ tries: number; lost: number }>(
      'SELECT sum(tries)::int AS tries, sum(lost_leases)::int AS lost FROM task WHERE job_id = ANY($1::bigint[])',
      [long],
    );
    expect(counted).toEqual({ tries: 0, lost: 0 });
    expect((await suite.messages(released[0]!)).join('\n')).toContain(`'sleep' was handed back by its worker`);
  });

  it('SIGKILL of every worker between two tries: tries are counted over processes', async () => {
    await suite.set({ retry_limit: 2, retry_delay: 1 });
    const id = await suite.submit('flaky', { failures: 2 });
    await eventually(async () =>
      expect(await suite.executions(id)).toMatchObject([{ state: 'failed' }, { state: 'queued' }]),
    );
    await Promise.all(suite.members('task-worker').map((worker) => worker.kill()));
    await suite.reached([id], 30_000);
    const executions = await suite.executions(id);
    expect(executions.map(({ cause, state, error }) => [cause, state, error])).toEqual([
      ['first', 'failed', 'try 1 of 2 failed'],
      ['retry', 'failed', 'try 2 of 2 failed'],
      ['retry', 'succeeded', null],
    ]);
    expect(executions[1]!.pid).not.toBe(executions[0]!.pid);
  });

  it('SIGKILL of the controllers in turn under load: every job runs once', async () => {
    const began = Date.now();
    const accepted = suite.submitAll(
      Array.from({ length: 60 }, () => ({ workflow: 'steps', parameters: { count: 4, seconds: 0.1 } })),
    );
    for (const controller of [...suite.members('job-controller'), ...suite.members('job-controller')]) {
      await controller.kill();
      await controller.ready();
    }
    const ids = await accepted;
    await suite.reached(ids, 45_000);
    measured('60 jobs of four steps, controllers killed four times', Date.now() - began, 'ms');
    await expectRunOnce(suite, ids);
  });

  /** How the process ends that `end` ends. */
  async function exitCode(member: AppProcess, end: () => Promise<void>) {
    // the supervisor has no use for the code and keeps its child to itself
    const { child } = member as unknown as { child: ChildProcess };
    const [[code, signal]] = await Promise.all([once(child, 'exit') as Promise<[number | null, string | null]>, end()]);
    return { code, signal };
  }
});
