import { spawn, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { startMessaging } from '../messaging/messaging-app';
import { startOwnRedis, type OwnRedis } from '../messaging/own-redis';
import { CallbackSuite } from './callback-suite';

const root = resolve(__dirname, '../../..');

let redis: OwnRedis;
let suite: CallbackSuite;
let listener: CallbackListener;

beforeAll(async () => {
  redis = await startOwnRedis();
});

afterAll(() => redis.remove());

beforeEach(async () => {
  suite = await CallbackSuite.start({ REDIS_URL: redis.url });
  listener = await CallbackListener.start({ delay: 5 });
});

afterEach(async () => {
  await suite.stop();
  await listener.close();
});

/** Deliveries of different jobs, each with a body of its own. */
async function many(count: number, urls: string[]): Promise<string[]> {
  const jobs = await Promise.all(Array.from({ length: 20 }, () => suite.job()));
  return suite.deliver(
    ...Array.from({ length: count }, (_, n) => ({
      url: urls[n % urls.length]!,
      jobId: jobs[n % jobs.length]!,
      event: `e${n}`,
      body: String(n),
    })),
  );
}

const bodies = () => listener.requests.map((request) => Number(request.body)).sort((a, b) => a - b);
const all = (count: number) => Array.from({ length: count }, (_, n) => n);
const open = async () => {
  const { pending, sending } = await suite.database.stores.deliveries.backlog();
  return pending + sending;
};

describe('deliveries survive', () => {
  it('several dispatchers at once: each is sent once', async () => {
    await Promise.all([suite.startDispatcher(), suite.startDispatcher(), suite.startDispatcher()]);
    await many(600, [listener.url('/a'), listener.url('/b')]);
    await eventually(async () => (await open()) === 0, { timeout: 20_000 });
    expect(bodies()).toEqual(all(600));
  });

  it('a dispatcher killed while it sends: sent again under the same id within 12 s', async () => {
    const built = spawnSync(process.execPath, [resolve(root, 'scripts/build.mjs')], { encoding: 'utf8' });
    expect(built.stderr).toBe('');
    listener.answer('/', { hang: true }, {});
    const [id] = await suite.deliver({ url: listener.url('/') });
    // the leases that an installation has
    const environment = { ...suite.environment, LEASE_SECONDS: '10', HEARTBEAT_SECONDS: '3' };
    const child = spawn(process.execPath, [resolve(root, 'dist/apps/callback-dispatcher/src/main.js')], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: 'inherit',
    });
    try {
      await listener.received(1, undefined, { timeout: 20_000 });
    } finally {
      child.kill('SIGKILL');
    }
    const killed = Date.now();
    await suite.startDispatcher(environment);
    await suite.reached(id!, 'delivered', 12_000);
    expect(Date.now() - killed).toBeLessThan(12_000);
    const [first, second] = listener.requests;
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(await suite.attempts(id!)).toEqual([
      { number: 1, status: null, error: 'the dispatcher died while it was sending' },
      { number: 2, status: 200, error: null },
    ]);
    const lines = (await suite.log(await suite.jobOf(id!))).filter((line) => line.visible);
    expect(lines).toHaveLength(1);
  });

  it('a long request: its lease is renewed and nobody else sends it', async () => {
    listener.answer('/', { delay: 5_000 });
    const [id] = await suite.deliver({ url: listener.url('/') });
    await Promise.all([suite.startDispatcher(), suite.startDispatcher()]);
    await suite.reached(id!, 'delivered', 12_000);
    expect(listener.requests).toHaveLength(1);
  });

  it('a shutdown: running requests end, those that hang are given back uncounted', async () => {
    listener.answer('/slow', { delay: 700 }).answer('/hang', { hang: true }, {});
    const [slow, hanging] = await suite.deliver({ url: listener.url('/slow') }, { url: listener.url('/hang') });
    const dispatcher = await suite.startDispatcher({ SHUTDOWN_SECONDS: '3' });
    await listener.received(2);
    await dispatcher.stop();
    expect(await suite.delivery(slow!)).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(await suite.delivery(hanging!)).toMatchObject({ state: 'pending', attempts: 0 });
    await suite.startDispatcher();
    await suite.reached(hanging!, 'delivered');
    const lines = (await suite.log(await suite.jobOf(slow!))).filter((line) => line.visible);
    expect(lines).toHaveLength(1);
  });

  it('FLUSHALL while they wait and while they are sent', async () => {
    await suite.startDispatcher();
    const messaging = await startMessaging({ redisUrl: redis.url, prefix: suite.environment.REDIS_PREFIX! });
    try {
      const ids = await many(800, [listener.url('/a'), listener.url('/b')]);
      await messaging.queues.add(
        'callback',
        ids.map((id) => ({ key: `d${id}`, data: { deliveryId: id } })),
      );
      await listener.received(50);
      await messaging.queues.ping();
      const { default: Redis } = await import('ioredis');
      const admin = new Redis(redis.url);
      await admin.flushall();
      admin.disconnect();
      await eventually(async () => (await open()) === 0, { timeout: 20_000 });
      expect(bodies()).toEqual(all(800));
    } finally {
      await messaging.close();
    }
  });

  it('Redis being down: they go out all the same, and hints wake the dispatcher again afterwards', async () => {
    const dispatcher = await suite.startDispatcher();
    await eventually(async () => (await fetch(`${dispatcher.url}/readyz`)).status === 200);
    await redis.process.stop();
    const ids = await many(50, [listener.url('/a')]);
    await eventually(async () => (await open()) === 0, { timeout: 10_000 });
    expect(ids).toHaveLength(50);
    expect(bodies()).toEqual(all(50));
    expect((await fetch(`${dispatcher.url}/readyz`)).status).toBe(503);
    await redis.process.start();
    await eventually(async () => (await fetch(`${dispatcher.url}/readyz`)).status === 200);
    const messaging = await startMessaging({ redisUrl: redis.url, prefix: suite.environment.REDIS_PREFIX! });
    try {
      await eventually(async () => {
        // the loop sleeps between polls: only a hint makes this quick
        const began = Date.now();
        const [id] = await suite.deliver({ url: listener.url('/hinted') });
        await messaging.queues.add('callback', [{ key: `d${id}`, data: { deliveryId: id! } }]);
        await suite.reached(id!, 'delivered');
        return Date.now() - began < 500;
      });
    } finally {
      await messaging.close();
    }
  });

  it('connections to PostgreSQL that are cut while they are sent', async () => {
    await suite.startDispatcher();
    await many(300, [listener.url('/a'), listener.url('/b')]);
    await listener.received(20);
    await suite.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'task-engine callback-dispatcher' AND datname = current_database()`,
    );
    await eventually(async () => (await open()) === 0, { timeout: 20_000 });
    expect([...new Set(bodies())]).toEqual(all(300));
  });

  it('the end of their job: they go with it', async () => {
    listener.answer('/', { delay: 600 });
    const [id] = await suite.deliver({ url: listener.url('/') });
    await suite.startDispatcher();
    await listener.received(1);
    await suite.query(`DELETE FROM job WHERE id = $1`, [await suite.jobOf(id!)]);
    const [next] = await suite.deliver({ url: listener.url('/next') });
    await suite.reached(next!, 'delivered');
    expect(await open()).toBe(0);
  });
});
