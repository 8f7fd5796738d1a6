import { Client } from 'pg';
import { eventually } from '../support/eventually';
import { FaultSuite, lasting } from './support/fault-suite';
import type { Sent } from './support/load';

const MINUTES = 60_000;
/** Room for the apps (2 replicas, 5 apps, pools of 10), the test and 300 foreign connections. */
const MAX_CONNECTIONS = 430;

describe('PostgreSQL at fault under load', () => {
  let suite: FaultSuite;
  /** Stands when every other connection ends. */
  let admin: Client;
  /** Connections of others. */
  const foreign: Client[] = [];

  beforeAll(async () => {
    suite = await FaultSuite.start({ postgresSettings: { max_connections: String(MAX_CONNECTIONS) } });
    admin = await connect();
  }, 3 * MINUTES);

  afterEach(() => endForeign());

  afterAll(async () => {
    await admin?.end().catch(() => undefined);
    await suite?.stop();
  });

  it(
    'restarted by its operator: refused submissions get a 503, nothing acknowledged is lost',
    async () => {
      const { sent } = await suite.endure('PostgreSQL restarted', async () => {
        const { process } = suite.servers!.postgres!;
        await process.stop('SIGINT');
        await lasting(3);
        await process.start();
      });
      expectAnswers(sent);
      admin = await connect();
    },
    3 * MINUTES,
  );

  it(
    'away three times for longer than a lease: what its living workers ran is handed back and counts as no loss',
    async () => {
      const { engine } = suite;
      let id = '';
      await suite.endure('PostgreSQL away three times for 13 s', async () => {
        id = await engine.submit('sleep', { seconds: 20 }, { priority: 1 });
        const { process } = suite.servers!.postgres!;
        for (let n = 1; n <= 3; n += 1) {
          await eventually(async () => expect((await engine.executions(id)).at(-1)!.state).toBe('running'), {
            timeout: 15_000,
          });
          await process.stop('SIGINT');
          await lasting(13);
          await process.start();
          await eventually(async () => expect(await engine.executions(id)).toHaveLength(n + 1), { timeout: 12_000 });
        }
      });
      await engine.reached([id], 60_000);
      expect((await engine.executions(id)).map(({ state }) => state)).toEqual([
        'released',
        'released',
        'released',
        'succeeded',
      ]);
      const [task] = await engine.query('SELECT lost_leases AS lost, tries FROM task WHERE job_id = $1', [id]);
      expect(task).toEqual({ lost: 0, tries: 0 });
      admin = await connect();
    },
    6 * MINUTES,
  );

  it(
    'all its connections ended once a second for 15 s',
    async () => {
      let ended = 0;
      const { sent } = await suite.endure('connections to PostgreSQL ended every second for 15 s', async () => {
        for (let n = 0; n < 15; n += 1) {
          ended += await endApps();
          await lasting(1);
        }
      });
      expect(ended).toBeGreaterThan(100);
      expectAnswers(sent);
    },
    3 * MINUTES,
  );

  it(
    '300 foreign idle connections: nobody notices',
    async () => {
      while (foreign.length < 300) foreign.push(...(await Promise.all(Array.from({ length: 10 }, () => connect()))));
      const { sent, share } = await suite.endure('300 foreign idle connections for 15 s', () => lasting(15));
      expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
      expect(share).toBeGreaterThan(0.5);
    },
    4 * MINUTES,
  );

  it(
    'no connection left for 20 s: the apps wait, submissions get a 503, all goes on when there is one again',
    async () => {
      // as any greedy client: takes what there is, and what comes free
      const takeAll = async () => {
        for (let full = false; !full;) {
          const tries = Array.from({ length: 10 }, () => connect().catch((error: { code?: string }) => error.code));
          const found = await Promise.all(tries);
          foreign.push(...found.filter((client) => client instanceof Client));
          full = found.includes('53300');
        }
      };
      // up to where the fault begins there is room for all
      while (foreign.length < 300) foreign.push(...(await Promise.all(Array.from({ length: 10 }, () => connect()))));
      let without = 0;
      const fault = async () => {
        // 20 s on end: one that an app was opening at that moment is not to be seen at once
        const giveUp = Date.now() + 60_000;
        without = Date.now();
        while (Date.now() < without + 20_000) {
          for (await takeAll(); (await endApps()) > 0; await takeAll()) without = Date.now();
          expect(Date.now()).toBeLessThan(giveUp);
          await lasting(0.2);
        }
        expect(new Set(await suite.engine.readiness())).toEqual(new Set([503]));
        await endForeign();
      };
      const { sent, ended } = await suite.endure('no connection to PostgreSQL left for 20 s', fault);
      expectAnswers(sent);
      const meanwhile = sent.filter(({ sentAt }) => sentAt > without && sentAt < ended - 2_000);
      expect(meanwhile.length).toBeGreaterThan(5);
      expect(meanwhile.filter(({ status }) => status !== 503)).toEqual([]);
    },
    4 * MINUTES,
  );

  it(
    'read-only for 20 s: writes get a 503 with Retry-After, reads go on, nothing acknowledged is missing',
    async () => {
      const fault = async () => {
        await admin.query('ALTER SYSTEM SET default_transaction_read_only = on');
        await admin.query('SELECT pg_reload_conf()');
        await eventually(async () => {
          const { rows } = await suite.pool.query<{ on: string }>(
            `SELECT current_setting('default_transaction_read_only') AS on`,
          );
          return rows[0]?.on === 'on';
        });
        const until = Date.now() + 20_000;
        while (Date.now() < until) {
          const { status } = await suite.engine.call('GET', '/jobs?limit=5');
          expect(status).toBe(200);
          await lasting(0.5);
        }
        const { status, headers } = await suite.engine.call('POST', '/settings', { name: 'max_jobs', setting: '8' });
        expect([status, headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^[1-9]\d?$/)]);
        await admin.query('SET default_transaction_read_only = off');
        await admin.query('ALTER SYSTEM RESET default_transaction_read_only');
        await admin.query('SELECT pg_reload_conf()');
      };
      const { sent, began, ended } = await suite.endure('PostgreSQL read-only for 20 s', fault);
      expectAnswers(sent);
      const meanwhile = sent.filter(({ sentAt }) => sentAt > began + 1_000 && sentAt < ended - 1_000);
      expect(meanwhile.length).toBeGreaterThan(10);
      expect(new Set(meanwhile.map(({ status, retryAfter }) => `${status}, ${retryAfter}`)).size).toBe(1);
      expect(meanwhile[0]).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^[1-9]\d?$/) });
    },
    4 * MINUTES,
  );

  async function connect(timeout = 5_000): Promise<Client> {
    const client = new Client({
      connectionString: suite.servers!.databaseUrl,
      application_name: 'foreign',
      connectionTimeoutMillis: timeout,
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async function endForeign(): Promise<void> {
    await Promise.all(foreign.splice(0).map((client) => client.end()));
  }

  /** Ends all connections of the apps; answers how many. */
  async function endApps(): Promise<number> {
    const { rowCount } = await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'task-engine%'`,
    );
    return rowCount ?? 0;
  }
});

/** Whoever is refused is told to come again: no answer but 200 and 503, and 503 says when. */
function expectAnswers(sent: Sent[]): void {
  const odd = sent.filter(({ status, retryAfter }) => status !== 200 && !(status === 503 && Number(retryAfter) > 0));
  expect(odd).toEqual([]);
}
