import Redis from 'ioredis';
import { eventually } from '../support/eventually';
import { FaultSuite, lasting } from './support/fault-suite';
import type { Sent } from './support/load';

const MINUTES = 60_000;

describe('Redis at fault under load', () => {
  let suite: FaultSuite;
  let redis: Redis;

  beforeAll(async () => {
    suite = await FaultSuite.start({ own: true });
    redis = new Redis(suite.servers!.redisUrl);
    redis.on('error', () => undefined);
  }, 3 * MINUTES);

  afterAll(async () => {
    redis?.disconnect();
    await suite?.stop();
  });

  it(
    'emptied six times in six seconds: costs time, no job',
    async () => {
      const { sent } = await suite.endure('Redis FLUSHALL six times', async () => {
        for (let n = 0; n < 6; n += 1) {
          await redis.flushall();
          await lasting(1);
        }
      });
      expect(refused(sent)).toEqual([]);
    },
    3 * MINUTES,
  );

  it(
    'away for 30 s: every submission is accepted at once, no app is ready and /readyz names redis',
    async () => {
      const fault = async () => {
        const { process } = suite.servers!.redis!;
        await process.stop('SIGKILL');
        await eventually(async () => expect(new Set(await suite.engine.readiness())).toEqual(new Set([503])));
        const answers = await Promise.all(
          suite.engine.local.members.map(async ({ url }) => (await fetch(`${url}/readyz`)).text()),
        );
        for (const answer of answers) {
          expect(JSON.parse(answer)).toMatchObject({
            error: { redis: { status: 'down' } },
            info: { postgres: { status: 'up' } },
          });
        }
        const { status } = await suite.engine.call('GET', '/jobs?limit=1');
        expect(status).toBe(200);
        await lasting(30);
        await process.start();
      };
      const { sent, began, ended } = await suite.endure('Redis killed and away for 30 s', fault);
      expect(refused(sent)).toEqual([]);
      expect(slowest(sent, began, ended)).toBeLessThan(3_000);
    },
    4 * MINUTES,
  );

  it(
    'full for 20 s: every submission is accepted, the work of that time runs when there is room again',
    async () => {
      const fault = async () => {
        await redis.config('SET', 'maxmemory', '1');
        await expect(redis.set('one', 'more')).rejects.toThrow('OOM');
        await lasting(20);
        await redis.config('SET', 'maxmemory', '0');
      };
      const { sent, began, ended } = await suite.endure('Redis out of memory for 20 s', fault);
      expect(refused(sent)).toEqual([]);
      expect(slowest(sent, began, ended)).toBeLessThan(3_000);
    },
    4 * MINUTES,
  );
});

const refused = (sent: Sent[]) => sent.filter(({ status }) => status !== 200);

/** Milliseconds until the answer that took longest, of what was sent while the fault lasted. */
function slowest(sent: Sent[], began: number, ended: number): number {
  return Math.max(
    ...sent
      .filter(({ sentAt }) => sentAt >= began && sentAt <= ended)
      .map(({ sentAt, answeredAt }) => answeredAt - sentAt),
  );
}
