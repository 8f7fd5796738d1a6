import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { LocalServers } from '../../../scripts/local/local-servers';
import { eventually } from '../../support/eventually';
import type { JsonAnswer } from '../../support/fetch-json';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { startOwnServers } from '../../support/test-servers';
import { BOOTSTRAP, query, type Shown, TaskEngineClient } from './task-engine-client';

interface Call {
  route: string;
  method: string;
  path: string;
  body: unknown;
  headers?: Record<string, string>;
}

/** Answered without PostgreSQL. */
const ALIVE = 'GET /';
/** Documented with 500 for a store that cannot be read. */
const HEALTH = 'GET /health';
const SUBMIT = 'POST /job';
const SUBMIT_ONCE = 'POST /job with Idempotency-Key';

describe('PostgreSQL does not serve', () => {
  let servers: LocalServers;
  let suite: TestSuite;
  let api: TaskEngineClient;
  /** A job that waits, for the routes that name one. */
  let waiting: number;
  let calls: Call[];
  let pids: (number | undefined)[];

  beforeAll(async () => {
    servers = await startOwnServers({}, { max_connections: '60' });
    suite = await startSuite({
      servers: { databaseUrl: servers.databaseUrl, redisUrl: servers.redisUrl },
      env: { BOOTSTRAP_CLIENTS: BOOTSTRAP },
    });
    api = new TaskEngineClient(suite.url);
    waiting = await api.submit('noop', {}, { run_at: '2037-01-01T00:00:00' });
    calls = await everyRoute();
    pids = suite.suite.members.map(({ pid }) => pid);
  });

  afterAll(async () => {
    await suite?.stop();
    await servers?.stop();
  });

  /** Each of the dialect's routes, from its own description, with the body of its example. */
  async function everyRoute(): Promise<Call[]> {
    const { body: document } = await api.get('/openapi/task-engine.json');
    const found = Object.entries<Shown>(document.paths).flatMap(([path, item]) =>
      Object.entries<Shown>(item).map(([method, operation]) => ({
        route: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path: path.replace('{id}', String(waiting)),
        body: operation.requestBody?.content['application/json'].example as unknown,
      })),
    );
    const submit = found.find(({ route }) => route === SUBMIT)!;
    submit.body = { job: { workflow: 'noop', run_at: '2037-01-01T00:00:00' }, parameters: {} };
    expect(found.length).toBeGreaterThan(14);
    return [...found, { ...submit, route: SUBMIT_ONCE, headers: { 'idempotency-key': 'while it does not serve' } }];
  }

  /** 503 with Retry-After, in the words of the documents, and nothing of what is behind them. */
  function expectRefused(route: string, answer: JsonAnswer<Shown>): void {
    expect({ route, status: answer.status, text: answer.text }).toMatchObject({ status: route === HEALTH ? 500 : 503 });
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    if (route.startsWith(SUBMIT) && !route.includes('{id}')) expect(answer.text).toBe('Unable to create job request');
    else if (/^(PUT|PATCH) \/jobs?\//.test(route))
      expect(answer.body).toEqual({ id: String(waiting), error: 'The database is not available at present' });
    else expect(answer.body).toEqual({ error: 'The database is not available at present' });
  }

  const ask = ({ method, path, body, headers }: Call) => api.call(method, path, { body, headers });
  const jobs = async () =>
    (await query<{ n: number }>(servers.databaseUrl, 'SELECT count(*)::int AS n FROM job'))[0]!.n;

  /** Every loop of every app still turns, in the same process: a job with a due time, a callback-free run, a retried hint. */
  async function expectWorking(): Promise<void> {
    const began = Date.now();
    await eventually(async () => expect((await api.get('/jobs')).status).toBe(200), { timeout: 30_000 });
    const id = await eventually(
      () => api.submit('steps', { count: 2, seconds: 0.05 }, { run_at: new Date(Date.now() + 500).toISOString() }),
      { timeout: 30_000 },
    );
    await eventually(async () => expect(await api.job(id)).toMatchObject({ queue_state: 'completed', failed: false }), {
      timeout: 45_000,
    });
    process.stdout.write(`  measured: from the fault's end until a scheduled job is done: ${Date.now() - began} ms\n`);
    expect(suite.suite.members.map(({ pid }) => pid)).toEqual(pids);
  }

  it('stopped: every route says 503 with Retry-After', async () => {
    const before = await jobs();
    await servers.postgres!.process.stop();
    for (const call of calls) {
      const answer = await ask(call);
      if (call.route === ALIVE) expect(answer.status).toBe(200);
      else expectRefused(call.route, answer);
    }
    await servers.postgres!.process.start();
    expect(await jobs()).toBe(before);
    await expectWorking();
  });

  it('out of connections: every route says 503 with Retry-After', async () => {
    const foreign: Client[] = [];
    const full = async (): Promise<boolean> => {
      try {
        for (;;) {
          const client = new Client({ connectionString: servers.databaseUrl });
          client.on('error', () => undefined);
          await client.connect();
          foreign.push(client);
        }
      } catch (error) {
        expect((error as { code?: string }).code).toBe('53300');
      }
      const { rows } = await foreign[0]!.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'task-engine%'`,
      );
      return rows.length === 0;
    };
    try {
      const before = await jobs();
      await eventually(async () => expect(await full()).toBe(true), { timeout: 30_000 });
      for (const call of calls.filter(({ route }) => route !== ALIVE)) expectRefused(call.route, await ask(call));
      const { rows } = await foreign[0]!.query<{ n: number }>('SELECT count(*)::int AS n FROM job');
      expect(rows[0]!.n).toBe(before);
    } finally {
      await Promise.all(foreign.map((client) => client.end().catch(() => undefined)));
    }
    await expectWorking();
  });

  it('read-only: reads go on, every write says 503 with Retry-After and leaves nothing', async () => {
    const before = await jobs();
    await setReadOnly(true);
    const writes: string[] = [];
    for (const call of calls) {
      const answer = await ask(call);
      if (call.method === 'GET') expect({ route: call.route, status: answer.status }).toMatchObject({ status: 200 });
      // needs no write: it asks the controllers to look
      else if (call.route === 'POST /push_jobs') expect(answer.status).toBe(200);
      else {
        writes.push(call.route);
        expectRefused(call.route, answer);
      }
    }
    expect(writes).toHaveLength(8);
    // a refusal is answered with an id, and there is none to be had
    expectRefused(SUBMIT, await api.post('/job', { job: { workflow: 'no_such_workflow' } }));
    await setReadOnly(false);
    expect(await jobs()).toBe(before);
    await expectWorking();
  });

  it('connections cut in the middle of transactions: 200 or 503, what was acknowledged is there, each key once', async () => {
    const admin = new Client({ connectionString: servers.databaseUrl });
    admin.on('error', () => undefined);
    await admin.connect();
    let over = false;
    const cutting = (async () => {
      while (!over) {
        await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'task-engine api-gateway'`,
        );
        await delay(1_000);
      }
    })();
    const answers: { key: string; answer: JsonAnswer<Shown> }[] = [];
    const until = Date.now() + 8_000;
    await Promise.all(
      Array.from({ length: 8 }, async (_, sender) => {
        for (let n = 0; Date.now() < until; n += 1) {
          const key = `cut-${sender}-${n % 40}`;
          const body = { job: { workflow: 'noop', run_at: '2037-01-01T00:00:00' }, parameters: { content_id: key } };
          answers.push({ key, answer: await api.call('POST', '/job', { body, headers: { 'idempotency-key': key } }) });
          const update = await api.put(`/jobs/${waiting}`, { priority: 1 + (n % 10) });
          if (update.status !== 200) expectRefused('PUT /jobs/{id}', update);
        }
      }),
    );
    over = true;
    await cutting;
    await admin.end();
    const accepted = answers.filter(({ answer }) => answer.status === 200);
    const refused = answers.filter(({ answer }) => answer.status !== 200);
    process.stdout.write(
      `  measured: ${accepted.length} accepted, ${refused.length} refused while connections were cut\n`,
    );
    expect(Math.min(accepted.length, refused.length)).toBeGreaterThan(0);
    for (const { answer } of refused) expectRefused(SUBMIT, answer);
    const stored = await query<{ id: string; key: string }>(
      servers.databaseUrl,
      `SELECT id, submitted->>'content_id' AS key FROM job WHERE submitted->>'content_id' LIKE 'cut-%'`,
    );
    const ids = new Map(stored.map(({ id, key }) => [key, id]));
    expect(ids.size).toBe(stored.length);
    for (const { key, answer } of accepted) expect(answer.body.id).toBe(ids.get(key));
    await expectWorking();
  });

  it('no request failed as a fault of the gateway itself', () => {
    expect(
      suite
        .log('api-gateway')
        .split('\n')
        .filter((line) => line.includes('request failed')),
    ).toEqual([]);
  });

  async function setReadOnly(on: boolean): Promise<void> {
    const client = new Client({ connectionString: servers.databaseUrl });
    await client.connect();
    await client.query('SET default_transaction_read_only = off');
    await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${on ? 'on' : 'off'}`);
    await client.query('SELECT pg_reload_conf()');
    await client.end();
    await eventually(async () =>
      expect(await query(servers.databaseUrl, 'SHOW default_transaction_read_only')).toEqual([
        { default_transaction_read_only: on ? 'on' : 'off' },
      ]),
    );
    // sessions that are open take it over between two statements
    await delay(200);
  }
});
