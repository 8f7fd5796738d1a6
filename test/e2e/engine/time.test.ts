import { setTimeout as delay } from 'node:timers/promises';
import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { between, EngineSuite, measured, type Submission } from './engine-suite';
import { expectRunOnce } from './history';

describe('time and tries', () => {
  let suite: EngineSuite;
  let listener: CallbackListener;

  beforeAll(async () => {
    [suite, listener] = await Promise.all([
      EngineSuite.start({ replicas: { scheduler: 2, 'task-worker': 2 } }),
      CallbackListener.start(),
    ]);
    await suite.set({ max_jobs: 100 });
  });

  afterAll(async () => {
    await suite?.stop();
    await listener?.close();
  });

  it('starts jobs within 250 ms of a due time that the leader knows, none early, however rare its schedule is', async () => {
    await suite.set({ schedule_interval: 3_600 });
    // what a job without run_at takes on this machine at this moment: the floor that being on time is measured against
    const atOnce: string[] = [];
    for (let n = 0; n < 50; n += 1) {
      atOnce.push(await suite.submit('noop'));
      await delay(40);
    }
    const floor = await latenessOf(atOnce);
    const lateness = await latenessOf(await submitFor(spread(50, 2_500, 3_000)));
    measured('from submit to start without run_at, median', floor.median, 'ms');
    measured('lateness of a start, median', lateness.median, 'ms');
    measured('lateness of a start, most', lateness.most, 'ms');
    expect(lateness.least).toBeGreaterThanOrEqual(0);
    expect(lateness.median - floor.median).toBeLessThanOrEqual(250);
    expect(lateness.most).toBeLessThanOrEqual(floor.most + 2_000);
  });

  it('has another scheduler lead within 15 s when the leader is killed, with no due job missed, doubled or early', async () => {
    const leader = await suite.leader();
    const ids = await submitFor(spread(60, 2_500, 5_000));
    await eventually(async () => expect((await suite.states(ids)).completed).toBeGreaterThan(20));
    const killed = Date.now();
    await suite.local.takeDown('scheduler', leader.replica, 'SIGKILL');
    const next = await suite.leader(15_000);
    measured('leader killed until another leads', Date.now() - killed, 'ms');
    expect(next.replica).not.toBe(leader.replica);
    const lateness = await latenessOf(ids);
    measured('lateness of a start over a change of leaders, most', lateness.most, 'ms');
    expect(lateness.least).toBeGreaterThanOrEqual(0);
    expect(lateness.most).toBeLessThanOrEqual(15_000);
    await suite.local.bringUp('scheduler', leader.replica);
    expect((await suite.leader()).replica).not.toBe(leader.replica);
  });

  it('asks a semaphore until it answers 2xx or 3xx, follows no redirect, and lets no other wait for one that hangs', async () => {
    listener.answer(
      '/no-then-redirect',
      { status: 503 },
      { status: 404 },
      { status: 302, headers: { location: listener.url('/target') } },
    );
    listener.answer('/hanging', { hang: true });
    const hanging = await suite.submitAll(Array.from({ length: 10 }, () => waiting('/hanging')));
    await listener.received(10, ({ path }) => path === '/hanging');
    const began = Date.now();
    const [open, redirected] = await suite.submitAll([waiting('/open'), waiting('/no-then-redirect')]);
    await suite.reached([open!], 2_000);
    measured('open semaphore until its job is done, ten others hanging', Date.now() - began, 'ms');
    await suite.reached([redirected!], 10_000);
    await expectRunOnce(suite, [open!, redirected!]);
    expect(listener.to('/no-then-redirect').map(({ method }) => method)).toEqual(['GET', 'GET', 'GET']);
    expect(listener.to('/open')).toHaveLength(1);
    expect(listener.to('/target')).toEqual([]);
    const rows = await suite.query<{ reason: string; state: string }>(
      'SELECT DISTINCT wait_reason AS reason, state FROM job WHERE id = ANY($1::bigint[])',
      [hanging],
    );
    expect(rows).toEqual([{ reason: 'Semaphore', state: 'scheduled' }]);
    for (const id of hanging) await suite.change(id, { queue_state: 'broken' });
  });

  it('asks a semaphore not before run_at', async () => {
    const runAt = new Date(Date.now() + 1_500);
    const id = await suite.submit(
      'noop',
      {},
      { run_at: runAt.toISOString(), semaphore_url: listener.url('/after-run-at') },
    );
    await suite.reached([id], 10_000);
    expect(between(runAt, listener.to('/after-run-at')[0]!.receivedAt)).toBeGreaterThanOrEqual(0);
  });

  it('repeats a failed try after retry_delay, retry_limit times, with its text unchanged and events only of the last try', async () => {
    await suite.set({ retry_limit: 2, retry_delay: 1 });
    const message = `it's 100 % "broken" <ü>\nsecond line`;
    const rest_endpoints = [listener.url('/events')];
    const id = await suite.submit('fail', { message, rest_endpoints });
    await suite.reached([id], 15_000, 'failed');
    const executions = await suite.executions(id);
    expect(executions.map(({ state, cause, error }) => [state, cause, error])).toEqual([
      ['failed', 'first', message],
      ['failed', 'retry', message],
      ['failed', 'retry', message],
    ]);
    for (const [n, { startedAt }] of executions.slice(1).entries()) {
      expect(between(executions[n]!.finishedAt!, startedAt!)).toBeGreaterThanOrEqual(999);
    }
    const deliveries = await suite.query<{ event: string; body: string; createdAt: Date }>(
      'SELECT event, body, created_at AS "createdAt" FROM delivery WHERE job_id = $1 ORDER BY id',
      [id],
    );
    expect(deliveries.map(({ event }) => event)).toEqual(['start', 'fail', 'job_failed']);
    expect(between(executions[2]!.startedAt!, deliveries[1]!.createdAt)).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(JSON.parse(deliveries[1]!.body))).toContain(JSON.stringify(message).slice(1, -1));
    await listener.received(3, ({ path }) => path === '/events');
    expect(
      listener
        .to('/events')
        .map(({ body }) => body)
        .sort(),
    ).toEqual(deliveries.map(({ body }) => body).sort());
  });

  it('reads retry_limit and retry_delay at the moment of each decision', async () => {
    await suite.set({ retry_limit: 50, retry_delay: 1 });
    const id = await suite.submit('fail');
    await eventually(async () => expect(await suite.executions(id)).toHaveLength(2));
    await suite.set({ retry_limit: 0 });
    await suite.reached([id], 10_000, 'failed');
    expect((await suite.executions(id)).map(({ state }) => state)).toEqual(['failed', 'failed']);
    await suite.set({ retry_limit: 3, retry_delay: 0 });
    const flaky = await suite.submit('flaky', { failures: '3' });
    await suite.reached([flaky], 10_000);
    expect((await suite.executions(flaky)).map(({ error }) => error)).toEqual([
      'try 1 of 3 failed',
      'try 2 of 3 failed',
      'try 3 of 3 failed',
      null,
    ]);
  });

  const waiting = (path: string): Submission => ({ workflow: 'noop', job: { semaphore_url: listener.url(path) } });

  /** Due times spread evenly. */
  const spread = (count: number, firstIn: number, over: number) => {
    const now = Date.now();
    return Array.from({ length: count }, (_, n) => new Date(now + firstIn + (n * over) / count));
  };

  /** One job for each due time. */
  async function submitFor(times: Date[]): Promise<string[]> {
    const ids = await suite.submitAll(times.map((time) => ({ workflow: 'noop', job: { run_at: time.toISOString() } })));
    // handed in before the first is due, or nothing is learnt of punctuality
    expect(Date.now()).toBeLessThan(Number(times[0]));
    return ids;
  }

  /** Waits until the jobs are done, each run once, and tells how many milliseconds after run_at their tasks started. */
  async function latenessOf(ids: string[]): Promise<{ least: number; median: number; most: number }> {
    await suite.reached(ids, 40_000);
    await expectRunOnce(suite, ids);
    const rows = await suite.query<{ late: number }>(
      `SELECT EXTRACT(EPOCH FROM e.started_at - j.run_at)::float8 * 1000 AS late
       FROM job j JOIN execution e ON e.job_id = j.id WHERE j.id = ANY($1::bigint[]) ORDER BY 1`,
      [ids],
    );
    const late = rows.map((row) => row.late);
    return { least: late[0]!, median: late[late.length >> 1]!, most: late.at(-1)! };
  }
});
