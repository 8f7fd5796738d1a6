import { randomBytes } from 'node:crypto';
import Redis from 'ioredis';

import { eventually } from '../../support/eventually';
import { startMessaging, type MessagingApp } from './messaging-app';
import { startOwnRedis, type OwnRedis } from './own-redis';

let redis: OwnRedis;
let admin: Redis;
let prefix: string;
const apps: MessagingApp[] = [];

const redisProcess = () => redis.process;
const ids = (count: number, from = 1) => Array.from({ length: count }, (_, index) => String(from + index));
const executions = (values: string[]) => values.map((id) => ({ key: `e${id}`, data: { deliveryId: id } }));

async function start(
  setUp?: (app: MessagingApp) => void,
  receives?: { queues: string[]; notifications: never[] },
): Promise<MessagingApp> {
  const app = await startMessaging({ redisUrl: redis.url, prefix, receives }, setUp);
  apps.push(app);
  return app;
}

beforeAll(async () => {
  redis = await startOwnRedis();
  admin = new Redis(redis.url, { maxRetriesPerRequest: null });
  admin.on('error', () => undefined);
});

beforeEach(() => {
  prefix = `test-${randomBytes(4).toString('hex')}`;
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

afterAll(async () => {
  admin.disconnect();
  await redis.remove();
});

describe('work queues', () => {
  it('hand each hint to one of several processors, within the concurrency', async () => {
    const seen: string[] = [];
    let running = 0;
    let most = 0;
    const handler = async ({ deliveryId }: { deliveryId: string }) => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
      seen.push(deliveryId);
      running -= 1;
    };
    const sender = await start((app) => app.queues.process('callback', 4, handler));
    await start((app) => app.queues.process('callback', 4, handler));
    await sender.queues.add('callback', executions(ids(1200)));
    await eventually(() => seen.length >= 1200);
    expect([...seen].sort((a, b) => Number(a) - Number(b))).toEqual(ids(1200));
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(8);
    await eventually(async () => {
      const keys = await admin.keys(`${prefix}:callback:e*`);
      expect(keys).toEqual([]);
    });
  });

  it('leave alone a hint that is repeated while it waits', async () => {
    const sender = await start();
    for (let round = 0; round < 3; round += 1) await sender.queues.add('callback', executions(['7']));
    expect(await sender.queues.counts('callback')).toEqual({ waiting: 1, active: 0 });
    const seen: string[] = [];
    await start((app) => app.queues.process('callback', 4, async (data) => void seen.push(data.deliveryId)));
    await eventually(async () => (await sender.queues.counts('callback')).waiting === 0);
    await sender.queues.add('callback', executions(['8']));
    await eventually(() => seen.includes('8'));
    expect(seen).toEqual(['7', '8']);
  });

  it('go on after an error of a handler and after a payload that is none', async () => {
    const seen: string[] = [];
    const app = await start((started) =>
      started.queues.process('callback', 1, async ({ deliveryId }) => {
        if (deliveryId === '1') throw new Error('broken on purpose');
        seen.push(deliveryId);
      }),
    );
    await app.queues.add('callback', [
      { key: 'e1', data: { deliveryId: '1' } },
      { key: 'bad', data: { deliveryId: 'not an id' } },
      { key: 'e2', data: { deliveryId: '2' } },
    ]);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['2']);
    // a key that failed is free again
    await eventually(async () => {
      expect(await admin.keys(`${prefix}:callback:e*`)).toEqual([]);
    });
  });

  it('go on after FLUSHALL in the middle of the work, and a key that was lost works again', async () => {
    const seen = new Map<string, number>();
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const app = await start((started) =>
      started.queues.process('callback', 4, async ({ deliveryId }) => {
        seen.set(deliveryId, (seen.get(deliveryId) ?? 0) + 1);
        if (Number(deliveryId) <= 4) await gate;
      }),
    );
    await app.queues.add('callback', executions(ids(20)));
    await eventually(() => seen.size === 4);
    await admin.flushall();
    await app.queues.add('callback', executions(ids(4)));
    open();
    await app.queues.add('callback', executions(ids(20, 5)));
    await eventually(() => seen.size === 24);
    // twice over, so that leavings of the first round would show
    await admin.flushall();
    await admin.script('FLUSH');
    await app.queues.add('callback', executions(ids(300, 1000)));
    await eventually(() => seen.size === 324);
    await eventually(async () => expect(await app.queues.counts('callback')).toEqual({ waiting: 0, active: 0 }), {
      timeout: 15_000,
    });
  });

  it('free a key whose payload FLUSHALL took away between fetching and reading it', async () => {
    const seen: string[] = [];
    const app = await start((started) =>
      started.queues.process('callback', 1, async (data) => void seen.push(data.deliveryId)),
    );
    // what is left of a job then: an id in a list, no hash
    await admin.lpush(`${prefix}:callback:wait`, 'e5');
    await eventually(
      async () => (await admin.llen(`${prefix}:callback:wait`)) + (await admin.exists(`${prefix}:callback:e5`)) === 0,
    );
    await eventually(async () => (await admin.llen(`${prefix}:callback:active`)) === 0);
    await app.queues.add('callback', executions(['5']));
    await eventually(() => seen.length === 1);
  });

  it('name each time between two FLUSHALLs, so that a key which one left behind blocks no repair', async () => {
    const seen: string[] = [];
    const app = await start((own) =>
      own.queues.process('callback', 4, ({ deliveryId }) => {
        seen.push(deliveryId);
        return Promise.resolve();
      }),
    );
    const before = await app.queues.epoch();
    expect(before).toMatch(/^[0-9a-f]{8}$/);
    expect(await app.queues.epoch()).toBe(before);
    await admin.flushall();
    // what Bull writes when FLUSHALL comes between its taking a hint and its marking it as active
    await admin.hset(`${prefix}:callback:e7`, 'processedOn', '1');
    await app.queues.add('callback', executions(['7']));
    const after = await app.queues.epoch();
    expect(after).not.toBe(before);
    await app.queues.add('callback', [{ key: `e7-${after}`, data: { deliveryId: '7' } }]);
    await eventually(() => seen.length >= 1);
    expect(seen).toEqual(['7']);
  });

  it('recover from a killed Redis and keep what it had', async () => {
    const seen = new Set<string>();
    const app = await start((started) =>
      started.queues.process('callback', 4, async (data) => void seen.add(data.deliveryId)),
    );
    await app.queues.add('callback', executions(['1']));
    await eventually(() => seen.size === 1);
    const before = redisProcess().pid!;
    process.kill(before, 'SIGKILL');
    await eventually(() => redisProcess().pid !== undefined && redisProcess().pid !== before);
    const recovered = Date.now();
    await eventually(async () => {
      await app.queues.add('callback', executions(['2']));
      return seen.has('2');
    });
    expect(Date.now() - recovered).toBeLessThan(5_000);
  });

  it('drop hints at once while Redis is down, tell that it is back, and go on', async () => {
    const seen = new Set<string>();
    let recoveries = 0;
    const app = await start((started) => {
      started.queues.process('callback', 4, async (data) => void seen.add(data.deliveryId));
      started.queues.onRecovery(() => (recoveries += 1));
    });
    await app.queues.ping();
    await redisProcess().stop();
    await eventually(() =>
      app.queues.ping().then(
        () => false,
        () => true,
      ),
    );
    const began = Date.now();
    for (let round = 0; round < 50; round += 1) await app.queues.add('callback', executions([String(round + 1)]));
    expect(Date.now() - began).toBeLessThan(2_000);
    await expect(app.queues.ping()).rejects.toThrow();
    // an app that starts meanwhile comes up, and works once Redis is there
    const late = new Set<string>();
    await start((started) => started.queues.process('scheduler', 1, async (data) => void late.add(data.jobId)));
    await redisProcess().start();
    await eventually(() => recoveries === 1);
    expect(seen.size).toBe(0);
    await app.queues.add('callback', executions(['100']));
    await app.queues.add('scheduler', [{ key: 'd1', data: { jobId: '1' } }]);
    await eventually(() => seen.has('100') && late.has('1'));
  });

  it('recover from a Redis that freezes without closing its connections', async () => {
    const seen = new Set<string>();
    const app = await start((started) =>
      started.queues.process('callback', 4, async (data) => void seen.add(data.deliveryId)),
    );
    await app.queues.ping();
    process.kill(redisProcess().pid!, 'SIGSTOP');
    const began = Date.now();
    await app.queues.add('callback', executions(['1']));
    expect(Date.now() - began).toBeLessThan(1_500);
    process.kill(redisProcess().pid!, 'SIGCONT');
    await eventually(async () => {
      await app.queues.add('callback', executions(['2']));
      return seen.has('2');
    });
  });

  it('give work that a dead process took with it to another one within 12 s', async () => {
    // the state that SIGKILL leaves: in the list of active jobs, its lock about to lapse
    const seen: string[] = [];
    const app = await start();
    await app.queues.add('callback', executions(['1']));
    await admin.rpoplpush(`${prefix}:callback:wait`, `${prefix}:callback:active`);
    await admin.set(`${prefix}:callback:e1:lock`, 'dead', 'PX', 6_000);
    const began = Date.now();
    await start((started) => started.queues.process('callback', 4, async (data) => void seen.push(data.deliveryId)));
    await eventually(() => seen.length === 1, { timeout: 12_000 });
    expect(Date.now() - began).toBeLessThan(12_000);
  });

  it('after a pause start nothing, let the running handler end, and leave the rest to others', async () => {
    const seen: string[] = [];
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let processing!: ReturnType<MessagingApp['queues']['process']>;
    const app = await start((started) => {
      processing = started.queues.process('callback', 1, async ({ deliveryId }) => {
        seen.push(`first ${deliveryId}`);
        await gate;
      });
    });
    await app.queues.add('callback', executions(['1']));
    await eventually(() => seen.length === 1);
    await processing.pause();
    await app.queues.add('callback', executions(['2', '3']));
    let closed = false;
    const closing = processing.close().then(() => (closed = true));
    await start((started) =>
      started.queues.process('callback', 1, async (data) => void seen.push(`second ${data.deliveryId}`)),
    );
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(['first 1', 'second 2', 'second 3']);
    expect(closed).toBe(false);
    open();
    await closing;
    expect(await app.queues.counts('callback')).toEqual({ waiting: 0, active: 0 });
  });

  it('serve a queue that only a workflow names', async () => {
    const seen: string[] = [];
    const app = await start((started) => started.queues.process('gpu_encode', 1, async () => void seen.push('looked')));
    await app.queues.add('gpu_encode', [{ data: {} }]);
    await eventually(() => seen.length === 1);
  });

  it('refuse a second handler and, at start-up, a missing or an unexpected one', async () => {
    const app = await start((started) => started.queues.process('callback', 1, async () => undefined));
    expect(() => app.queues.process('callback', 1, async () => undefined)).toThrow(
      'queue callback has a handler already',
    );
    await expect(start(undefined, { queues: ['callback'], notifications: [] })).rejects.toThrow(
      'queue callback has no handler',
    );
    await expect(
      start((started) => started.queues.process('callback', 1, async () => undefined), {
        queues: [],
        notifications: [],
      }),
    ).rejects.toThrow('queue callback has a handler but is not expected here');
  });
});

describe('notifications', () => {
  it('reach every replica, coalesce repeats, and survive a handler that throws', async () => {
    const seen: string[] = [];
    const listen = (name: string) => (app: MessagingApp) => {
      app.server.handle('job.queued', ({ laneId }) => {
        seen.push(`${name} ${laneId}`);
        if (laneId === 1) throw new Error('broken on purpose');
      });
    };
    const [one, two] = [await start(listen('a')), await start(listen('b'))];
    await eventually(() => one.server.subscribed() && two.server.subscribed());
    for (let round = 0; round < 100; round += 1) one.notifier.emit('job.queued', { laneId: 1 });
    await eventually(() => seen.length === 4);
    one.notifier.emit('job.queued', { laneId: 2 });
    await eventually(() => seen.includes('a 2') && seen.includes('b 2'));
    expect(seen.filter((entry) => entry === 'a 1')).toHaveLength(2);
  });

  it('drop a payload that is none', async () => {
    const seen: number[] = [];
    const app = await start((started) => started.server.handle('job.queued', ({ laneId }) => void seen.push(laneId)));
    await eventually(() => app.server.subscribed());
    const channel = `${prefix}:job.queued`;
    for (const text of ['not json', 'null', '[]', '{"data":{"laneId":"x"}}', '{"id":"1","data":{"laneId":3}}'])
      await admin.publish(channel, text);
    app.notifier.emit('job.queued', { laneId: 4 });
    await eventually(() => seen.includes(4));
    expect(seen).toEqual([3, 4]);
  });

  it('are heard again after Redis was killed, was down, or froze; readiness tells', async () => {
    let seen = 0;
    const app = await start((started) => started.server.handle('schedule.changed', () => void (seen += 1)));
    const heard = async () => {
      await eventually(() => app.server.subscribed());
      const before = seen;
      await eventually(() => {
        app.notifier.emit('schedule.changed', {});
        return seen > before;
      });
    };
    await heard();
    process.kill(redisProcess().pid!, 'SIGKILL');
    await eventually(() => !app.server.subscribed());
    await heard();
    await redisProcess().stop();
    await eventually(() => !app.server.subscribed());
    await redisProcess().start();
    await heard();
    await admin.client('KILL', 'TYPE', 'pubsub');
    await heard();
  });

  it('subscribe late when Redis was down at the start', async () => {
    await redisProcess().stop();
    let seen = 0;
    const app = await start((started) => started.server.handle('schedule.changed', () => void (seen += 1)));
    expect(app.server.subscribed()).toBe(false);
    await redisProcess().start();
    await eventually(() => app.server.subscribed());
    app.notifier.emit('schedule.changed', {});
    await eventually(() => seen === 1);
  });
});
