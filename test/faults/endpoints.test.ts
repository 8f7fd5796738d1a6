import { readFileSync } from 'node:fs';
import type { App } from '../../scripts/local/app-process';
import { CallbackListener } from '../support/callback-listener';
import { eventually } from '../support/eventually';
import { FaultSuite, lasting, print } from './support/fault-suite';
import { HostileEndpoint, MISDEEDS, type Misdeed } from './support/hostile-endpoint';

const MINUTES = 60_000;
const TRIES = 3;
const TIMEOUT_SECONDS = 3;
/** Jobs for each kind of endpoint. */
const JOBS = 10;
/** Megabytes that an app may gain while its endpoints misbehave: 10 answers of 100 MB would show. */
const MORE_MEMORY = 150;

const ANSWERED = { state: 'exhausted', attempts: TRIES };
/** What becomes of a callback (docs/operations.md, "Callbacks"). */
const ENDINGS = {
  'answers 500': { ...ANSWERED, status: 500, error: 'the endpoint answered 500' },
  'answers 429': { ...ANSWERED, status: 429, error: 'the endpoint answered 429' },
  'answers 410': { state: 'gone', attempts: 1, status: 410, error: 'the endpoint answered 410: it is gone' },
  hangs: { ...ANSWERED, status: null, error: `no complete answer within ${TIMEOUT_SECONDS}000 ms` },
  drips: { ...ANSWERED, status: null, error: `no complete answer within ${TIMEOUT_SECONDS}000 ms` },
  'drips its headers': { ...ANSWERED, status: null, error: `no complete answer within ${TIMEOUT_SECONDS}000 ms` },
  // the endpoint has said yes; what it says beyond the first 64 KB is not listened to
  'sends 100 MB': { state: 'delivered', attempts: 1, status: 200, error: null },
  'sends headers without end': { ...ANSWERED, status: null, error: 'the answer is not valid HTTP' },
  'closes without an answer': {
    ...ANSWERED,
    status: null,
    error: 'the connection was closed before the answer was complete',
  },
  'resets the connection': {
    ...ANSWERED,
    status: null,
    error: 'the connection was closed before the answer was complete',
  },
  'is no HTTP': { ...ANSWERED, status: null, error: 'the answer is not valid HTTP' },
} as const satisfies Record<Misdeed, object>;

const KINDS = Object.keys(MISDEEDS) as Misdeed[];

describe('endpoints that misbehave', () => {
  let suite: FaultSuite;
  let endpoints: HostileEndpoint[];

  beforeAll(async () => {
    suite = await FaultSuite.start({
      env: {
        CALLBACK_ATTEMPTS: String(TRIES),
        CALLBACK_FIRST_RETRY_SECONDS: '1',
        CALLBACK_TIMEOUT_SECONDS: String(TIMEOUT_SECONDS),
        SEMAPHORE_TIMEOUT_SECONDS: String(TIMEOUT_SECONDS),
      },
    });
  }, 3 * MINUTES);

  beforeEach(async () => {
    endpoints = await Promise.all(KINDS.map((kind) => HostileEndpoint.start(kind)));
  });

  afterEach(() => Promise.all(endpoints.map((endpoint) => endpoint.close())));

  afterAll(() => suite?.stop());

  it(
    'callbacks: each ends as documented, those of other endpoints arrive at once, memory stays bounded',
    async () => {
      const jobs: string[] = [];
      const memory = watchMemory(suite, 'callback-dispatcher');
      const fault = async () => {
        for (let n = 0; n < JOBS; n += 1) {
          jobs.push(await suite.engine.submit('noop', { rest_endpoints: endpoints.map((endpoint) => endpoint.url()) }));
        }
        await suite.engine.reached(jobs, 30_000);
        await finished(suite, jobs, 90_000);
      };
      const { began, ended } = await suite.endure('callbacks to endpoints that misbehave', fault);
      const { gained, most } = memory.stop();
      const late = await latencies(suite, suite.listener.url('/load'), began, ended);
      print(
        `  callbacks to the good endpoint meanwhile: ${late.length}, median ${quantile(late, 0.5)} ms, p99 ${quantile(late, 0.99)} ms, ` +
          `longest ${quantile(late, 1)} ms; dispatchers gained ${gained} MB, most ${most} MB`,
      );
      for (const endpoint of endpoints) {
        const rows = await suite.engine.query<{ state: string }>(
          `SELECT state, attempts, last_status AS status, last_error AS error, count(*)::int AS n FROM delivery
           WHERE job_id = ANY($1::bigint[]) AND url = $2 GROUP BY 1, 2, 3, 4`,
          [jobs, endpoint.url()],
        );
        expect([endpoint.misdeed, rows]).toEqual([
          endpoint.misdeed,
          [{ ...ENDINGS[endpoint.misdeed], n: JOBS * EVENTS_OF_NOOP }],
        ]);
        // one id on every try, each try counted
        const ids = endpoint.requests.map(({ head }) => /^webhook-id: (\S+)/im.exec(head)?.[1]);
        expect([endpoint.misdeed, new Set(ids).size, ids.length]).toEqual([
          endpoint.misdeed,
          JOBS * EVENTS_OF_NOOP,
          JOBS * EVENTS_OF_NOOP * ENDINGS[endpoint.misdeed].attempts,
        ]);
      }
      expect(late.length).toBeGreaterThan(10);
      expect(quantile(late, 0.99)).toBeLessThan(2_000);
      expect(gained).toBeLessThan(MORE_MEMORY);
      expect(shortestPause(endpoints.find(({ misdeed }) => misdeed === 'answers 429')!)).toBeGreaterThanOrEqual(2_000);
    },
    4 * MINUTES,
  );

  it(
    'semaphores: their jobs wait and say why, other jobs go on, memory stays bounded; once they behave all is released',
    async () => {
      const memory = watchMemory(suite, 'scheduler');
      const held: string[] = [];
      const open: string[] = [];
      const fault = async () => {
        const good = suite.listener.url('/semaphore');
        for (let n = 0; n < JOBS; n += 1) {
          for (const endpoint of endpoints) {
            const opens = endpoint.misdeed === 'sends 100 MB';
            (opens ? open : held).push(await suite.engine.submit('noop', {}, { semaphore_url: endpoint.url() }));
          }
        }
        const asked = Date.now();
        const free = await suite.engine.submitAll(
          Array.from({ length: 20 }, () => ({ workflow: 'noop', job: { semaphore_url: good } })),
        );
        await suite.engine.reached([...free, ...open], 20_000);
        print(`  jobs behind good semaphores beside ${held.length} bad ones: done after ${Date.now() - asked} ms`);
        expect(Date.now() - asked).toBeLessThan(10_000);
        // each has been asked more than once, and none was let through
        await eventually(
          () =>
            expect(
              endpoints
                .filter(({ requests }) => requests.length < 2 * JOBS && !opens(requests))
                .map(({ misdeed }) => misdeed),
            ).toEqual([]),
          { timeout: 60_000 },
        );
        expect(await suite.engine.states(held)).toEqual({ scheduled: held.length });
        const { body } = await suite.engine.call<{ wait_reason?: unknown }>('GET', `/jobs/${held[0]}?explain=1`);
        expect(JSON.stringify(body)).toContain('Semaphore');
      };
      await suite.endure('semaphores that misbehave', fault);
      const { gained, most } = memory.stop();
      print(`  schedulers gained ${gained} MB, most ${most} MB`);
      expect(gained).toBeLessThan(MORE_MEMORY);
      for (const endpoint of endpoints) endpoint.behave();
      const began = Date.now();
      await suite.engine.reached(held, 75_000);
      print(
        `  semaphores that behave again: all ${held.length} jobs done after ${Math.round((Date.now() - began) / 1_000)} s`,
      );
    },
    4 * MINUTES,
  );

  const opens = (requests: readonly unknown[]) =>
    requests === endpoints.find(({ misdeed }) => misdeed === 'sends 100 MB')?.requests;
});

describe('80 origins that hang', () => {
  let suite: FaultSuite;
  const hanging: HostileEndpoint[] = [];
  let good: CallbackListener;

  beforeAll(async () => {
    suite = await FaultSuite.start({ replicas: 1 });
    good = await CallbackListener.start();
    for (let n = 0; n < 80; n += 1) hanging.push(await HostileEndpoint.start('hangs'));
  }, 3 * MINUTES);

  afterAll(async () => {
    await suite?.stop();
    await good?.close();
    await Promise.all(hanging.map((endpoint) => endpoint.close()));
  });

  it(
    'a good endpoint gets its callbacks within seconds although thousands wait for the others',
    async () => {
      const bad = Array.from({ length: 160 }, (_, n) => ({
        workflow: 'noop',
        parameters: {
          rest_endpoints: hanging.slice((n % 8) * 10, (n % 8) * 10 + 10).map((endpoint) => endpoint.url()),
        },
      }));
      await suite.engine.reached(await suite.engine.submitAll(bad), 90_000);
      // the senders are as busy as the hanging ones can make them
      await eventually(async () => {
        const [row] = await suite.engine.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM delivery WHERE state = 'sending'`,
        );
        expect(row!.n).toBeGreaterThanOrEqual(80);
      });
      const began = Date.now();
      for (let n = 0; n < 45; n += 1) {
        await suite.engine.submit('noop', { rest_endpoints: [good.url()] });
        await lasting(1);
      }
      await good.received(45 * EVENTS_OF_NOOP, () => true, { timeout: 60_000 });
      const late = await latencies(suite, good.url(), began, Date.now());
      print(
        `80 hanging origins, ${bad.length * 10 * EVENTS_OF_NOOP} callbacks for them: the good one's ${late.length} were late by ` +
          `median ${quantile(late, 0.5)} ms, p99 ${quantile(late, 0.99)} ms, longest ${quantile(late, 1)} ms`,
      );
      expect(quantile(late, 1)).toBeLessThan(3_000);
    },
    4 * MINUTES,
  );
});

/** Task started, task completed, job completed. */
const EVENTS_OF_NOOP = 3;

/** Milliseconds from the event to the delivery, ascending, of callbacks to a URL that became due between two moments. */
async function latencies(suite: FaultSuite, url: string, from: number, to: number): Promise<number[]> {
  const rows = await suite.engine.query<{ ms: number }>(
    `SELECT (extract(epoch FROM finished_at - created_at) * 1000)::int AS ms FROM delivery
     WHERE url = $1 AND created_at BETWEEN $2 AND $3 AND state = 'delivered' ORDER BY 1`,
    [url, new Date(from), new Date(to)],
  );
  return rows.map(({ ms }) => ms);
}

const quantile = (ascending: readonly number[], share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Infinity;

async function finished(suite: FaultSuite, jobs: string[], timeout: number): Promise<void> {
  await eventually(
    async () => {
      const [row] = await suite.engine.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM delivery WHERE job_id = ANY($1::bigint[]) AND state IN ('pending', 'sending')`,
        [jobs],
      );
      expect(row!.n).toBe(0);
    },
    { timeout, interval: 250 },
  );
}

/** Shortest time between two tries of one callback, in milliseconds. */
function shortestPause({ requests }: HostileEndpoint): number {
  const last = new Map<string, number>();
  let shortest = Infinity;
  for (const { at, head } of requests) {
    const id = /^webhook-id: (\S+)/im.exec(head)?.[1] ?? '';
    shortest = Math.min(shortest, at - (last.get(id) ?? -Infinity));
    last.set(id, at);
  }
  return shortest;
}

/** Resident memory of an app's processes in MB, looked at four times a second: what the largest had at most, and the most that one gained. */
function watchMemory(suite: FaultSuite, app: App) {
  const first = new Map<number, number>();
  const result = { gained: 0, most: 0 };
  const look = () => {
    for (const { pid } of suite.engine.members(app)) {
      if (pid === undefined) continue;
      const now = Math.round(
        Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
      );
      if (!first.has(pid)) first.set(pid, now);
      result.most = Math.max(result.most, now);
      result.gained = Math.max(result.gained, now - first.get(pid)!);
    }
  };
  look();
  const timer = setInterval(look, 250);
  return {
    stop: () => {
      clearInterval(timer);
      return result;
    },
  };
}
