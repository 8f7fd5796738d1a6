import { sign } from 'jsonwebtoken';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { type Answer, BOOTSTRAP, expectRefused, query, TaskSchedulerClient } from './task-scheduler-client';

const LIMIT = 60;
const SECRET = 'the secret of these tests, more than 32 bytes';

const limitsOf = ({ headers }: Answer) => ({
  limit: Number(headers.get('x-ratelimit-limit') ?? NaN),
  remaining: Number(headers.get('x-ratelimit-remaining') ?? NaN),
  reset: Number(headers.get('x-ratelimit-reset') ?? NaN),
});

describe('the limit of requests', () => {
  let suite: TestSuite;
  let api: TaskSchedulerClient;

  beforeAll(async () => {
    suite = await startSuite({
      apps: ['api-gateway'],
      replicas: 2,
      own: { redis: true },
      env: {
        BOOTSTRAP_CLIENTS: `${BOOTSTRAP},third-client:third-key,fourth-client:fourth-key`,
        DTS_RATE_LIMIT: String(LIMIT),
        JWT_SECRET: SECRET,
      },
    });
    api = new TaskSchedulerClient(suite.url);
  });

  afterAll(() => suite?.stop());

  const setLimit = (client: string, limit: number) =>
    query(suite.databaseUrl, `UPDATE client SET requests_per_minute = $2 WHERE name = $1`, [client, limit]);

  it('is told on every answer to somebody who is known, errors included', async () => {
    const answers = [
      await api.get('/tasks'),
      await api.get('/tasks/task-1'),
      await api.get('/nothing'),
      await api.get('/tasks?page=0'),
      await api.post('/tasks', {}),
      await api.post('/tasks', '{'),
      await api.call('PATCH', '/tasks'),
      await api.call('GET', '/tasks', { headers: { accept: 'application/json; version=7' } }),
      await api.post('/tasks', `"${'x'.repeat(1_100_000)}"`),
      await api.call('PROPFIND', '/tasks'),
      await api.call('PROPFIND', '/nothing'),
      await api.call('QUERY', '/tasks'),
      await api.call('HEAD', '/nothing'),
      await api.as(`Bearer ${sign({ sub: 'demo-client', role: 'read' }, SECRET)}`).call('PROPFIND', '/tasks'),
      await api.as(`Bearer ${sign({ sub: 'demo-client', role: 'owner' }, SECRET)}`).get('/tasks'),
    ];
    const usual = [200, 404, 404, 400, 422, 400, 405, 406];
    expect(answers.map(({ status }) => status)).toEqual([...usual, 413, 405, 404, 405, 404, 403, 403]);
    const now = Date.now() / 1_000;
    answers.forEach((answer, index) => {
      const { limit, remaining, reset } = limitsOf(answer);
      expect({ limit, remaining }).toEqual({ limit: LIMIT, remaining: LIMIT - 1 - index });
      expect(Number.isInteger(reset)).toBe(true);
      expect(reset).toBeGreaterThan(now - 2);
      expect(reset).toBeLessThan(now + 62);
    });
    expect(limitsOf(await api.as('ApiKey wrong').get('/tasks')).limit).toBeNaN();
  });

  it('is shared by all gateways, and refuses what is beyond it until the minute is over', async () => {
    const gateways = [1, 2].map((replica) => new TaskSchedulerClient(suite.suite.url('api-gateway', replica)).other);
    const answers = await Promise.all(
      Array.from({ length: LIMIT + 20 }, (_, index) => gateways[index % 2]!.get('/tasks?limit=1')),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(LIMIT);
    expect(refused).toHaveLength(20);
    for (const answer of refused) {
      expectRefused(answer, 429, 'rate_limit_exceeded');
      const wait = Number(answer.headers.get('retry-after'));
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(60);
      expect(limitsOf(answer)).toMatchObject({ limit: LIMIT, remaining: 0 });
    }
    expect((await api.get('/tasks')).status).toBe(200);
  });

  it('is what a client has of its own, at once', async () => {
    const third = api.as('ApiKey third-key');
    await setLimit('third-client', 3);
    const answers = [];
    for (let n = 0; n < 4; n += 1) answers.push(await third.get('/tasks'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers.map((answer) => limitsOf(answer).remaining)).toEqual([2, 1, 0, 0]);
    await setLimit('third-client', 100);
    expect(limitsOf(await third.get('/tasks'))).toMatchObject({ limit: 100, remaining: 95 });
  });

  it('nobody waits for a Redis that hangs, or is away: each gateway counts for itself', async () => {
    await setLimit('fourth-client', 10);
    const fourth = api.as('ApiKey fourth-key');
    const { process: redis } = suite.suite.servers.redis!;
    const timed = async () => {
      const began = performance.now();
      const answer = await fourth.get('/tasks?limit=1');
      return { answer, took: performance.now() - began };
    };
    globalThis.process.kill(redis.pid!, 'SIGSTOP');
    const slow = [];
    for (let n = 0; n < 12; n += 1) slow.push(await timed());
    globalThis.process.kill(redis.pid!, 'SIGCONT');
    expect(Math.max(...slow.map(({ took }) => took))).toBeLessThan(1_500);
    expect(slow.map(({ answer }) => answer.status)).toEqual([...Array<number>(10).fill(200), 429, 429]);
    await redis.stop('SIGKILL');
    expect((await timed()).answer.status).toBe(429);
    await setLimit('fourth-client', 1_000);
    expect((await timed()).answer.status).toBe(200);
    await redis.start();
    // what was counted in one process alone is nothing to the others
    await eventually(async () => expect(limitsOf((await timed()).answer).remaining).toBeGreaterThan(980), {
      timeout: 20_000,
      interval: 500,
    });
  });
});
