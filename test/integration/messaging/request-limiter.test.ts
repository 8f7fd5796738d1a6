import { randomBytes } from 'node:crypto';
import { RequestLimiter } from '@task-engine/messaging';
import { eventually } from '../../support/eventually';
import { type MessagingApp, startMessaging } from './messaging-app';
import { type OwnRedis, startOwnRedis } from './own-redis';

const LIMIT = 100;

let redis: OwnRedis;
const apps: MessagingApp[] = [];
let limiters: RequestLimiter[];

/** Keeps this process from doing anything else. */
function stall(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

const counts = (limiter: RequestLimiter, times: number) =>
  Promise.all(Array.from({ length: times }, () => limiter.count('client-1', LIMIT)));

beforeEach(async () => {
  redis = await startOwnRedis();
  const prefix = `test-${randomBytes(4).toString('hex')}`;
  for (let n = 0; n < 2; n += 1) apps.push(await startMessaging({ redisUrl: redis.url, prefix }));
  limiters = apps.map(({ context }) => context.get(RequestLimiter));
  // both have their connections
  await eventually(async () => {
    const [first, second] = [await limiters[0]!.count('client-0', 1_000), await limiters[1]!.count('client-0', 1_000)];
    expect(second.remaining).toBe(first.remaining - 1);
  });
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await redis.remove();
});

it('a process that is too busy to read what Redis says counts with the others all the same', async () => {
  await counts(limiters[1]!, 10);
  // from here on the timers come before what has been received
  await new Promise((resolve) => setImmediate(resolve));
  const counting = counts(limiters[0]!, 70);
  stall(600);
  expect((await counting).map(({ remaining }) => remaining)).toEqual(Array.from({ length: 70 }, (_, n) => 89 - n));
  expect((await counts(limiters[1]!, 40)).filter(({ allowed }) => allowed)).toHaveLength(20);
});

it('while Redis is away nobody begins anew: each process goes on from the number that it knows', async () => {
  await counts(limiters[0]!, 60);
  await counts(limiters[1]!, 1);
  await redis.process.stop('SIGKILL');
  for (const limiter of limiters)
    expect((await counts(limiter, 50)).filter(({ allowed }) => allowed).length).toBeLessThanOrEqual(40);
});
