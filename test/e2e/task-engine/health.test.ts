import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, query, type Shown, TaskEngineClient } from './task-engine-client';

describe('GET /health', () => {
  let suite: TestSuite;
  let api: TaskEngineClient;
  const health = async () => (await api.call('GET', '/health')).body;

  beforeAll(async () => {
    suite = await startSuite({ env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskEngineClient(suite.url);
    await api.post('/settings', { name: 'max_jobs', setting: '6' });
  });

  afterAll(() => suite?.stop());

  it('adds up at every look while jobs come and go', async () => {
    const ids: number[] = [];
    for (let n = 0; n < 30; n += 1) ids.push(await api.submit('steps', { count: 2, seconds: 0.05 }));
    const looks: Shown[] = [];
    await eventually(
      async () => {
        looks.push(await health());
        expect(looks.at(-1).jobs.completed).toBe(ids.length);
      },
      { timeout: 60_000 },
    );
    let processed = 0;
    for (const look of looks) {
      const queues = Object.values<{ workers: number; working: number; pending: number }>(look.queues);
      for (const queue of queues) expect(queue.working).toBeLessThanOrEqual(queue.workers);
      expect(look.tasks.pending).toBe(queues.reduce((sum, queue) => sum + queue.pending, 0));
      expect(look.jobs.started).toBeLessThanOrEqual(look.jobs.max_jobs);
      expect(look.jobs.queued + look.jobs.started + look.jobs.completed).toBe(ids.length);
      expect(look.tasks.processed).toBeGreaterThanOrEqual(processed);
      processed = look.tasks.processed;
    }
    expect(processed).toBe(2 * ids.length);
    expect(looks.some((look) => look.queues.work.working > 0)).toBe(true);
  });

  it('counts jobs in every state as the database has them', async () => {
    await api.post('/settings', { name: 'max_jobs', setting: '1' });
    const started = await api.submit('sleep', { seconds: 3600 });
    await eventually(async () => expect((await health()).jobs.started).toBe(1));
    const broken = await api.submit('noop');
    const paused = await api.submit('noop');
    await api.submit('noop');
    await api.submit('noop', {}, { run_at: '2037-01-01T00:00:00' });
    await api.put(`/jobs/${broken}`, { queue_state: 'broken' });
    await api.put(`/jobs/${paused}`, { queue_state: 'paused' });
    const rows = await query<{ state: string; n: number }>(
      suite.databaseUrl,
      'SELECT state, count(*)::int AS n FROM job GROUP BY state',
    );
    const { max_jobs, priority_slots, ...jobs } = (await health()).jobs;
    const counted = { completed: 0, failed: 0, pending: 0, broken: 0, queued: 0, started: 0, scheduled: 0, paused: 0 };
    expect(jobs).toEqual({ ...counted, ...Object.fromEntries(rows.map(({ state, n }) => [state, n])) });
    expect(jobs).toMatchObject({ started: 1, broken: 1, paused: 1, queued: 1, scheduled: 1 });
    expect([max_jobs, priority_slots]).toEqual([1, 0]);
    await api.put(`/jobs/${started}`, { queue_state: 'broken' });
  });

  it('never counts backwards when retention removes jobs', async () => {
    await eventually(async () => expect((await health()).jobs).toMatchObject({ queued: 0, started: 0 }));
    const { processed } = (await health()).tasks;
    expect(processed).toBeGreaterThan(0);
    await query(suite.databaseUrl, `UPDATE job SET finished_at = now() - interval '31 days' WHERE state = 'completed'`);
    // a new leader sweeps at once
    await suite.suite.restart('scheduler');
    await eventually(async () => expect((await health()).jobs.completed).toBe(0));
    expect((await health()).tasks.processed).toBeGreaterThanOrEqual(processed);
  });
});

describe('a gateway without its servers', () => {
  let suite: TestSuite;
  let api: TaskEngineClient;

  beforeAll(async () => {
    suite = await startSuite({
      apps: ['api-gateway'],
      own: { postgres: true, redis: true },
      env: { BOOTSTRAP_CLIENTS: BOOTSTRAP },
    });
    api = new TaskEngineClient(suite.url);
  });

  afterAll(() => suite?.stop());

  it('without Redis: says so in /health and goes on accepting jobs', async () => {
    await suite.suite.servers.redis!.process.stop();
    const health = await eventually(async () => {
      const answer = await api.call('GET', '/health');
      expect(answer.body.databases.redis).not.toBe('OK');
      return answer;
    });
    expect(health).toMatchObject({
      status: 200,
      body: { databases: { postgres: 'OK', redis: expect.stringMatching(/./) } },
    });
    const id = await api.submit('noop');
    expect(await api.job(id)).toMatchObject({ queue_state: 'started' });
    await suite.suite.servers.redis!.process.start();
    await eventually(async () => expect((await api.call('GET', '/health')).body.databases.redis).toBe('OK'));
  });

  it('without PostgreSQL: 500 for health, 503 for the rest in the words of the documents, and back by itself', async () => {
    await suite.suite.servers.postgres!.process.stop();
    expect(await api.call('GET', '/health')).toMatchObject({ status: 500, body: { error: expect.any(String) } });
    const refused = await api.post('/job', { job: { workflow: 'noop' } });
    expect(refused).toMatchObject({ status: 503, text: 'Unable to create job request' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const answer of [await api.get('/jobs'), await api.get('/dashboard'), await api.call('GET', '/schedules')]) {
      expect(answer).toMatchObject({ status: 503, body: { error: expect.any(String) } });
      expect(answer.text).not.toMatch(/ECONN|stack|\.js/);
    }
    expect(await api.put('/jobs/1', { priority: 1 })).toMatchObject({
      status: 503,
      body: { id: '1', error: expect.any(String) },
    });
    expect(await api.get('/')).toMatchObject({ status: 200 });
    await suite.suite.servers.postgres!.process.start();
    await eventually(async () => expect((await api.get('/jobs')).status).toBe(200));
  });
});
