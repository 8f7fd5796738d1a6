import { FaultSuite, lasting } from './support/fault-suite';
import { TcpProxy } from './support/tcp-proxy';

const MINUTES = 60_000;
/** Submissions per second: what gathers in a long fault has to be worked off afterwards. */
const RATE = 4;

describe('a bad network between the apps and their servers, under load', () => {
  let suite: FaultSuite;
  let postgres: TcpProxy;
  let redis: TcpProxy;

  beforeAll(async () => {
    suite = await FaultSuite.start({
      through: {
        postgres: async (url) => (postgres = await TcpProxy.inFrontOf(url)).through(url),
        redis: async (url) => (redis = await TcpProxy.inFrontOf(url)).through(url),
      },
    });
  }, 3 * MINUTES);

  afterEach(() => {
    postgres?.mend();
    redis?.mend();
  });

  afterAll(async () => {
    await suite?.stop();
    await postgres?.close();
    await redis?.close();
  });

  it(
    '200 ms more for every packet to and from Redis: slower, nothing else',
    async () => {
      const fault = async () => {
        redis.delay(200);
        await lasting(20);
        redis.mend();
      };
      const { sent, share } = await suite.endure('200 ms more on every packet to and from Redis, for 20 s', fault, {
        rate: RATE,
      });
      expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
      expect(share).toBeGreaterThan(0.3);
    },
    4 * MINUTES,
  );

  it(
    '200 ms more for every packet to and from PostgreSQL: slower, nothing else',
    async () => {
      const fault = async () => {
        postgres.delay(200);
        await lasting(20);
        postgres.mend();
      };
      const { sent } = await suite.endure('200 ms more on every packet to and from PostgreSQL, for 20 s', fault, {
        rate: RATE,
      });
      expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
    },
    4 * MINUTES,
  );

  it(
    'every connection reset once a second for 10 s, to both',
    async () => {
      const fault = async () => {
        for (let n = 0; n < 10; n += 1) {
          expect(postgres.cut() + redis.cut()).toBeGreaterThan(0);
          await lasting(1);
        }
      };
      await suite.endure('every connection to PostgreSQL and Redis reset ten times in 10 s', fault, { rate: RATE });
    },
    4 * MINUTES,
  );

  it(
    'connections to Redis that swallow everything for 30 s: submissions are accepted, the apps notice by themselves',
    async () => {
      const fault = async () => {
        redis.swallow();
        await lasting(15);
        expect(new Set(await suite.engine.readiness())).toEqual(new Set([503]));
        await lasting(15);
        redis.mend();
      };
      const { sent } = await suite.endure('half-open connections to Redis for 30 s', fault, { rate: RATE });
      expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
    },
    4 * MINUTES,
  );

  it(
    'connections to PostgreSQL that swallow everything for 30 s: the apps notice by themselves and refuse meanwhile',
    async () => {
      const fault = async () => {
        postgres.swallow();
        await lasting(15);
        expect(new Set(await suite.engine.readiness())).toEqual(new Set([503]));
        await lasting(15);
        postgres.mend();
      };
      const { sent, began, ended } = await suite.endure('half-open connections to PostgreSQL for 30 s', fault, {
        rate: RATE,
      });
      // once the silence is noticed the gateway says so instead of leaving its clients to their own time-outs
      const late = sent.filter(({ sentAt }) => sentAt > began + 12_000 && sentAt < ended - 10_000);
      expect(late.length).toBeGreaterThan(5);
      expect(late.filter(({ status }) => status !== 503)).toEqual([]);
    },
    4 * MINUTES,
  );
});
