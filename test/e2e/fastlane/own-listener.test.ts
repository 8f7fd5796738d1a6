import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { freePort } from '../../../scripts/local/ports';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { redisUrl } from '../../support/test-database';
import { FastlaneClient, HTML } from './fastlane-client';

const NAME = 'ann';
const PASSWORD = 'pä:ss';
const credentials = { authorization: `Basic ${Buffer.from(`${NAME}:${PASSWORD}`).toString('base64')}` };

describe('a listener of its own, with a password', () => {
  let suite: TestSuite;
  let url: string;
  let api: FastlaneClient;
  let stranger: FastlaneClient;
  let main: FastlaneClient;

  beforeAll(async () => {
    const port = await freePort();
    suite = await startSuite({
      apps: ['api-gateway'],
      env: {
        FASTLANE_PORT: String(port),
        FASTLANE_BASIC_AUTH_USERNAME: NAME,
        FASTLANE_BASIC_AUTH_PASSWORD: PASSWORD,
        FASTLANE_BASIC_AUTH_REALM: 'the farm',
        FASTLANE_SERVER_NAME: 'fastlane.example:10000',
        FASTLANE_DEBUG: 'true',
        FASTLANE_PER_PAGE: '2',
        FASTLANE_CORS_ORIGINS: 'https://page.example',
        FASTLANE_ENV_BLACKLIST: 'hide',
        FASTLANE_HARD_TIMEOUT_SECONDS: '60',
      },
    });
    url = `http://127.0.0.1:${port}`;
    api = new FastlaneClient(url, credentials);
    stranger = new FastlaneClient(url);
    main = new FastlaneClient(suite.url, credentials);
  });

  afterAll(() => suite?.stop());

  it('tells where it listens', () => {
    expect(suite.log('api-gateway')).toContain(`"url":"${url}"`);
  });

  it('has its own root and nothing of the others', async () => {
    expect((await api.get('/')).body).toEqual({ errors: [], mongo: true, redis: true });
    expect((await api.get('/healthcheck')).body).toEqual({ errors: [], mongo: true, redis: true });
    for (const path of [
      '/jobs',
      '/livez',
      '/readyz',
      '/metrics',
      '/docs',
      '/openapi/fastlane.json',
      '/job/1',
      '/x',
      '//',
    ])
      expect(await api.get(path)).toMatchObject({ status: 404, headers: { 'content-type': HTML } });
    expect(await api.post('/')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
    expect((await main.get('/')).body).toEqual({ result: 'alive' });
  });

  it('wants the password at every address, on both listeners', async () => {
    const job = `/tasks/t/jobs/${randomUUID()}`;
    const own = ['/', '/jobs', '/livez', '/x'];
    const shared = [
      '/healthcheck',
      '/tasks',
      '/tasks/',
      '/status/',
      '/search/',
      '/routes/',
      `${job}/stream/`,
      '/tasks/a/b',
    ];
    for (const [client, paths] of [
      [stranger, [...own, ...shared]],
      [new FastlaneClient(suite.url), shared],
    ] as const) {
      for (const path of paths) {
        for (const method of ['GET', 'POST', 'OPTIONS']) {
          const answer = await client.call(method, path);
          expect(answer).toMatchObject({
            status: 401,
            text: '',
            headers: { 'www-authenticate': 'Basic realm="the farm"' },
          });
        }
      }
    }
    for (const authorization of [
      'Basic',
      'Basic x',
      'Bearer x',
      `Basic ${Buffer.from('ann:wrong').toString('base64')}`,
    ])
      expect((await stranger.get('/', { headers: { authorization } })).status).toBe(401);
    expect((await new FastlaneClient(suite.url).get('/livez')).status).toBe(200);
  });

  it('wants it for WebSockets too, and knows no others', async () => {
    for (const client of [stranger, new FastlaneClient(suite.url)]) {
      const refusal = await client.follow(`/tasks/t/jobs/${randomUUID()}/ws/`).refused;
      expect(refusal).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Basic realm="the farm"' } });
    }
    const allowed = api.follow(`/tasks/t/jobs/${randomUUID()}/ws/`);
    expect(await allowed.closed).toEqual({ code: 1000, reason: '' });
    for (const path of ['/', '/tasks/', '/x/ws/', '/tasks/a%2Fb/jobs/j/ws/'])
      expect(await api.follow(path).refused).toMatchObject({ status: 404, headers: { 'content-type': HTML } });
    const origin = { origin: 'https://evil.example' };
    expect(await api.follow(`/tasks/t/jobs/${randomUUID()}/ws/`, origin).refused).toMatchObject({ status: 403 });
    for (const welcome of [{ origin: 'https://page.example' }, { origin: url }])
      expect((await api.follow(`/tasks/t/jobs/${randomUUID()}/ws/`, welcome).closed).code).toBe(1000);
  });

  it('follows its configuration', async () => {
    const enqueued = await api.enqueue('t', { envs: { HIDE_ME: 'x', PASSWORD: 'y' }, timeout: 900 });
    expect(enqueued.taskUrl).toBe('http://fastlane.example:10000/tasks/t/');
    const { metadata } = await main.job(enqueued);
    expect(metadata).toMatchObject({ envs: { HIDE_ME: '***', PASSWORD: 'y' }, timeout: 60 });
    for (const task of ['t2', 't3']) await api.enqueue(task);
    const page = await api.get('/tasks/', { headers: { host: 'another.example' } });
    expect(page.body).toMatchObject({ perPage: 2, pages: 2, total: 3 });
    expect(page.text).toMatch(/^\{\n {2}"hasNext": true,\n {2}"hasPrev": false,\n/);
    expect((await api.get('/routes/')).body).toContainEqual({ endpoint: '/status/', methods: 'OPTIONS, HEAD, GET' });
    expect((await api.get('/tasks')).headers.location).toBe('http://fastlane.example:10000/tasks/');
    const foreign = await api.get('/tasks/', { headers: { origin: 'https://evil.example' } });
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('serves a whole client: a job comes in by one listener and is read by the other', async () => {
    const enqueued = await api.enqueue('both');
    expect(await main.job(enqueued)).toMatchObject({ executionCount: 1 });
    expect((await api.post(`/tasks/both/jobs/${enqueued.jobId}/stop`)).status).toBe(200);
    expect((await main.job(enqueued)).executions[0].status).toBe('failed');
  });

  it('closes with the other one, open requests first', async () => {
    const socket = api.follow(`/tasks/t/jobs/${randomUUID()}/ws/`);
    await socket.closed;
    await suite.suite.restart('api-gateway');
    expect((await api.get('/')).status).toBe(200);
  });
});

describe('a configuration that cannot work', () => {
  /** Starts a gateway that is expected to give up. */
  async function start(
    suite: TestSuite,
    env: Record<string, string>,
  ): Promise<{ code: number | null; output: string }> {
    const child = spawn(process.execPath, [resolve(__dirname, '../../../dist/apps/api-gateway/src/main.js')], {
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: suite.databaseUrl,
        REDIS_URL: await redisUrl(),
        DATA_DIR: suite.dataDir,
        PORT: '0',
        ...env,
      },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((done) => child.once('exit', done));
    return { code, output };
  }

  let suite: TestSuite;

  beforeAll(async () => {
    suite = await startSuite({ apps: [] });
  });

  afterAll(() => suite?.stop());

  it('a port that is taken ends the gateway with a clear message', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number };
    const { code, output } = await start(suite, { FASTLANE_PORT: String(port) });
    taken.close();
    expect(code).toBe(1);
    expect(output).toContain(`127.0.0.1:${port} (FASTLANE_PORT) is in use by another process`);
    expect(output).toContain('"level":"fatal"');
  });

  it('half a password is refused', async () => {
    const { code, output } = await start(suite, { FASTLANE_BASIC_AUTH_USERNAME: 'ann' });
    expect(code).toBe(1);
    expect(output).toContain('FASTLANE_BASIC_AUTH_PASSWORD must be set, since FASTLANE_BASIC_AUTH_USERNAME is');
  });
});
