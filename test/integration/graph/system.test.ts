import { hostname } from 'node:os';
import { Database, Leadership } from '@task-engine/database';
import { GraphTasks, HintSender, SystemReport, WebhookEvents, WorkerRegistration } from '@task-engine/engine';
import { WorkQueues } from '@task-engine/messaging';
import { Log } from '@task-engine/platform';
import { TestEngine } from '../../support/start-engine';

let engine: TestEngine;
let report: SystemReport;
const registrations: WorkerRegistration[] = [];

beforeEach(async () => {
  engine = await TestEngine.start();
  report = engine.get(SystemReport);
});

afterEach(async () => {
  await Promise.all(registrations.splice(0).map((registration) => registration.stop()));
  await engine.stop();
});

async function register(app: string): Promise<WorkerRegistration> {
  const parts = [engine.get(Database), engine.get(WebhookEvents), engine.get(HintSender), engine.get(Log)] as const;
  const registration = new WorkerRegistration(...parts);
  registrations.push(registration);
  await registration.start(app, []);
  return registration;
}

async function create(priority: number, scheduledAt: Date | null = null, dependencies: string[] = []): Promise<string> {
  const made = await engine.get(GraphTasks).create(await engine.client(), {
    name: 'a task',
    description: null,
    priority,
    maxRetries: 0,
    scheduledAt,
    timeoutSeconds: 60,
    tags: [],
    workerTags: [],
    dependencies,
    command: 'true',
    checkpointEnabled: false,
  });
  if (!('task' in made)) throw new Error(made.refused);
  return made.task.id;
}

describe('the status of the system', () => {
  it('is healthy with a scheduler that leads, a worker and Redis; it names the leader and counts the processes', async () => {
    await register('task-worker');
    const scheduler = await register('scheduler');
    await register('scheduler');
    await register('api-gateway');
    const gone = await register('api-gateway');
    await gone.stop();
    expect(await report.status()).toMatchObject({ status: 'degraded', leader: null });
    const leadership = new Leadership(engine.url, scheduler.id);
    await leadership.tryAcquire();
    const status = await report.status();
    await leadership.resign();
    expect(status).toMatchObject({
      status: 'healthy',
      gateways: 1,
      schedulers: 2,
      leader: hostname(),
      workers: { active: 0, idle: 1, offline: 0 },
      database: { status: 'healthy', connections: expect.any(Number) as number },
      redis: { status: 'healthy', memoryUsage: expect.any(Number) as number },
    });
    expect(status.database.connections).toBeGreaterThan(0);
    expect(status.redis.memoryUsage).toBeGreaterThan(0);
    expect(status.redis.memoryUsage).toBeLessThan(1);
  });

  it('is degraded when no worker is there', async () => {
    const scheduler = await register('scheduler');
    const worker = await register('task-worker');
    const leadership = new Leadership(engine.url, scheduler.id);
    await leadership.tryAcquire();
    expect((await report.status()).status).toBe('healthy');
    await worker.stop();
    expect(await report.status()).toMatchObject({ status: 'degraded', workers: { idle: 0, offline: 1 } });
    await leadership.resign();
  });

  it('counts the tasks that wait by their priority, and those that run', async () => {
    const parent = await create(10);
    await create(9, null, [parent]);
    await create(5, new Date(Date.now() + 3_600_000));
    for (const priority of [1, 4, 10]) await create(priority, new Date(Date.now() + 3_600_000));
    // other jobs of the engine are none of it
    await engine.submit('noop', {}, { runAt: new Date(Date.now() + 3_600_000).toISOString() });
    expect((await report.status()).depths).toEqual({ high: 2, normal: 2, low: 2 });
    await engine.claim(parent);
    const fresh = new SystemReport(engine.get(Database), engine.get(WorkQueues), engine.get(Log));
    expect(await fresh.status()).toMatchObject({
      tasks: { pending: 5, running: 1, completedToday: 0, failedToday: 0 },
      depths: { high: 1, normal: 2, low: 2 },
    });
  });

  it('counts what ended today by UTC', async () => {
    const at = (expression: string, completed: number, failed: number) =>
      engine.query(`INSERT INTO graph_hour VALUES (${expression}, gen_random_uuid(), $1, $2, 0)`, [completed, failed]);
    await at(`date_trunc('day', now(), 'UTC')`, 3, 1);
    await at(`date_trunc('hour', now(), 'UTC')`, 4, 2);
    await at(`date_trunc('day', now(), 'UTC') - interval '1 hour'`, 100, 100);
    expect((await report.status()).tasks).toMatchObject({ completedToday: 7, failedToday: 3 });
  });

  it('is unhealthy while PostgreSQL does not answer, and says so instead of failing', async () => {
    await engine.get(Database).dataSource.destroy();
    const status = await report.status();
    await engine.get(Database).dataSource.initialize();
    expect(status).toMatchObject({
      status: 'unhealthy',
      database: { status: 'unhealthy', connections: 0 },
      redis: { status: 'healthy' },
    });
  });
});

describe('the metrics', () => {
  const hours = (back: string, completed: number, failed: number, seconds: number) =>
    engine.query(
      `INSERT INTO graph_hour VALUES (date_trunc('hour', now() - $1::interval, 'UTC'), gen_random_uuid(), $2, $3, $4)`,
      [back, completed, failed, seconds],
    );

  it('of each hour sum up all workers: how many completed, which share failed, how long they took on the average', async () => {
    await hours('0', 6, 1, 12);
    await hours('0', 2, 3, 4);
    await hours('2 hours', 1, 0, 0.5);
    await hours('24 hours', 50, 0, 50);
    const buckets = await report.metrics('hour');
    expect(buckets).toHaveLength(24);
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    expect(buckets.map(({ start }) => start.getTime())).toEqual(
      Array.from({ length: 24 }, (_, index) => hour - (23 - index) * 3_600_000),
    );
    expect(buckets[23]).toMatchObject({ completed: 8, errorRate: 4 / 12, averageSeconds: 2 });
    expect(buckets[22]).toMatchObject({ completed: 0, errorRate: 0, averageSeconds: 0 });
    expect(buckets[21]).toMatchObject({ completed: 1, errorRate: 0, averageSeconds: 0.5 });
    expect(buckets.slice(0, 21).every(({ completed }) => completed === 0)).toBe(true);
  });

  it.each([
    ['day', 30, '1 day'],
    ['week', 12, '1 week'],
    ['month', 12, '1 month'],
  ] as const)('of each %s go back %i of them', async (period, count, step) => {
    await hours('0', 3, 1, 3);
    await engine.query(
      `INSERT INTO graph_hour VALUES (date_trunc($1, now(), 'UTC') - $2::interval, gen_random_uuid(), 5, 0, 10)`,
      [period, step],
    );
    const buckets = await report.metrics(period);
    expect(buckets).toHaveLength(count);
    expect(buckets.at(-1)).toMatchObject({ completed: 3, errorRate: 0.25, averageSeconds: 1 });
    expect(buckets.at(-2)).toMatchObject({ completed: 5, errorRate: 0, averageSeconds: 2 });
    for (const { start } of buckets) {
      expect(start.toISOString()).toMatch(/T00:00:00\.000Z$/);
      if (period === 'week') expect(start.getUTCDay()).toBe(1);
      if (period === 'month') expect(start.getUTCDate()).toBe(1);
    }
  });
});
