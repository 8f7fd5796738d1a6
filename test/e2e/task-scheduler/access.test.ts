import { createHmac, generateKeyPairSync } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { sign } from 'jsonwebtoken';
import { startSuite, type TestSuite } from '../../support/start-suite';
import {
  BOOTSTRAP,
  everyRoute,
  expectRefused,
  query,
  type RouteCall,
  type Shown,
  TaskSchedulerClient,
} from './task-scheduler-client';

const SECRET = 'the secret of these tests, more than 32 bytes';
const now = () => Math.floor(Date.now() / 1_000);
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function forged(header: object, payload: object, key: string): string {
  const content = `${part(header)}.${part(payload)}`;
  return `${content}.${createHmac('sha256', key).update(content).digest('base64url')}`;
}

describe('who may call', () => {
  let suite: TestSuite;
  let api: TaskSchedulerClient;
  let routes: RouteCall[];

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], env: { BOOTSTRAP_CLIENTS: BOOTSTRAP, JWT_SECRET: SECRET } });
    api = new TaskSchedulerClient(suite.url);
    routes = await everyRoute(api);
  });

  afterAll(() => suite?.stop());

  const bearer = (payload: object, key = SECRET) => api.as(`Bearer ${sign(payload, key)}`);

  it('every route asks who calls, and says how to tell', async () => {
    for (const { method, path, body } of [...routes, { method: 'GET', path: '/api/nothing', body: undefined }]) {
      const answer = await api.as('').call(method, path, { body });
      expectRefused(answer, 401, 'unauthorized');
      expect(answer.headers.get('www-authenticate')).toBe('ApiKey realm="api", Bearer realm="api"');
      expect(answer.headers.get('x-ratelimit-limit')).toBeNull();
    }
  });

  it.each([
    'ApiKey wrong',
    'ApiKey',
    'Basic ZGVtby1jbGllbnQ6ZGVtby1rZXk=',
    'demo-key',
    'Bearer demo-key',
    'ApiKey demo-key x',
  ])('refuses %j', async (authorization) =>
    expectRefused(await api.as(authorization).get('/tasks'), 401, 'unauthorized'),
  );

  it('refuses two keys at once, whichever of them is good', async () => {
    for (const authorization of [
      ['ApiKey demo-key', 'ApiKey other-key-5678'],
      ['ApiKey demo-key', 'ApiKey demo-key'],
    ])
      expect(await raw('GET', '/api/tasks', authorization)).toMatchObject({ status: 401 });
    expect(await raw('GET', '/api/tasks', ['ApiKey demo-key'])).toMatchObject({ status: 200 });
  });

  it('takes the scheme in any case, and looks at no other header', async () => {
    expect((await api.as('apikey demo-key').get('/tasks')).status).toBe(200);
    const headers = { client: 'demo-client', 'api-key': 'demo-key' };
    expectRefused(await api.as('').call('GET', '/tasks', { headers }), 401, 'unauthorized');
  });

  it('a revoked key stops working at once', async () => {
    const hash = `decode(encode(sha256('passing-key'), 'hex'), 'hex')`;
    await query(
      suite.databaseUrl,
      `INSERT INTO client_key (client_id, hash, last_four) SELECT id, ${hash}, '-key' FROM client WHERE name = 'demo-client'`,
    );
    const passing = api.as('ApiKey passing-key');
    expect((await passing.get('/tasks')).status).toBe(200);
    await query(suite.databaseUrl, `UPDATE client_key SET revoked_at = now() WHERE hash = ${hash}`);
    expectRefused(await passing.get('/tasks'), 401, 'unauthorized');
  });

  it('a token names the client, and shows what is its own', async () => {
    const id = await api.waiting();
    expect((await bearer({ sub: 'demo-client', exp: now() + 60 }).get(`/tasks/${id}`)).status).toBe(200);
    expect((await bearer({ sub: 'demo-client', exp: now() - 50 }).get(`/tasks/${id}`)).status).toBe(200);
    expectRefused(await bearer({ sub: 'other-client' }).get(`/tasks/${id}`), 404, 'not_found');
  });

  it.each<[string, () => string]>([
    ['alg none', () => `${part({ alg: 'none', typ: 'JWT' })}.${part({ sub: 'demo-client' })}.`],
    ['alg NONE', () => `${part({ alg: 'NONE' })}.${part({ sub: 'demo-client' })}.`],
    ['another secret', () => sign({ sub: 'demo-client' }, 'another')],
    ['no signature', () => sign({ sub: 'demo-client' }, SECRET).replace(/[^.]*$/, '')],
    [
      'another payload than was signed',
      () => {
        const [header, , signature] = sign({ sub: 'other-client' }, SECRET).split('.');
        return `${header}.${part({ sub: 'demo-client' })}.${signature}`;
      },
    ],
    ['an expired one', () => sign({ sub: 'demo-client', exp: now() - 61 }, SECRET)],
    ['one of the future', () => sign({ sub: 'demo-client', nbf: now() + 70 }, SECRET)],
    ['a foreign kid', () => forged({ alg: 'HS256', kid: '../../dev/null' }, { sub: 'demo-client' }, '')],
    ['crit', () => forged({ alg: 'HS256', crit: ['exp'] }, { sub: 'demo-client' }, SECRET)],
    [
      'an RSA signature',
      () => {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
        return sign({ sub: 'demo-client' }, privateKey, { algorithm: 'RS256' });
      },
    ],
    ['no client', () => sign({ role: 'admin' }, SECRET)],
    ['an unknown client', () => sign({ sub: 'nobody' }, SECRET)],
    ['a client with SQL in its name', () => sign({ sub: "demo-client' OR '1'='1" }, SECRET)],
    ['a client of the engine itself', () => sign({ sub: 'task-tracker/projects' }, SECRET)],
  ])('refuses a token with %s', async (_, token) => {
    const answer = await api.as(`Bearer ${token()}`).get('/tasks');
    expectRefused(answer, 401, 'unauthorized');
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('read looks, write and admin change, an unknown role may nothing', async () => {
    for (const { route, method, path, body } of routes) {
      const status = async (role: string) => {
        const answer = await bearer({ sub: 'demo-client', role }).call(method, path, { body });
        if (answer.status === 403) expectRefused(answer, 403, 'forbidden');
        return answer.status;
      };
      expect({ route, refused: (await status('read')) === 403 }).toEqual({ route, refused: method !== 'GET' });
      expect({ route, status: await status('owner') }).toEqual({ route, status: 403 });
      expectRefused(await bearer({ sub: 'nobody', role: 'owner' }).call(method, path, { body }), 401, 'unauthorized');
      expect(await status('write')).not.toBe(403);
      expect(await status('admin')).not.toBe(403);
    }
  });

  it('the token of a task is good for checkpoints alone', async () => {
    const command = api.as('Bearer tet_nobody');
    for (const { method, path, body } of routes) {
      const answer = await command.call(method, path, { body });
      if (path.endsWith('/checkpoint')) expectRefused(answer, 401, 'unauthorized');
      else expectRefused(answer, 403, 'forbidden');
    }
    const checkpoint = (id: string) => command.post(`/tasks/${id}/checkpoint`, { checkpoint_data: {} });
    // whose it is not learns nothing: not whether there is such a task, not what it is like
    const answers = [
      await checkpoint(await api.waiting({ checkpoint_enabled: true })),
      await checkpoint(await api.waiting()),
      await checkpoint('task-999999'),
    ];
    for (const answer of answers) {
      expectRefused(answer, 401, 'unauthorized');
      expect(answer.body).toEqual(answers[0]!.body);
    }
  });

  it('serves one version, and says so where another is asked for', async () => {
    const asking = (accept: string) => ({ headers: { accept } });
    for (const accept of ['application/json; version=1.0', 'application/json;version=1', 'application/json', '*/*'])
      expect((await api.call('GET', '/tasks', asking(accept))).status).toBe(200);
    for (const { method, path, body } of routes) {
      const answer = await api.call(method, path, { body, ...asking('application/json; version=2.0') });
      expectRefused(answer, 406, 'not_acceptable');
    }
    expectRefused(await api.as('').call('GET', '/tasks', asking('application/json; version=2.0')), 401, 'unauthorized');
  });

  it('answers in the envelope where nothing is, and where a method is wrong', async () => {
    for (const path of ['/api', '/api/nothing', '/api/tasks/task-1/start', '/api/%zz', '/api/%00', '/api/tasks/a/b/c'])
      expectRefused(await api.get(path), 404, 'not_found');
    for (const [method, path, allow] of [
      ['PATCH', '/tasks/task-1', 'GET, PUT, DELETE'],
      ['DELETE', '/tasks', 'GET, POST'],
      ['POST', '/system/status', 'GET'],
      ['GET', '/tasks/task-1/cancel', 'POST'],
      ['OPTIONS', '/webhooks', 'GET, POST'],
    ] as const) {
      const answer = await api.call(method, path);
      expectRefused(answer, 405, 'method_not_allowed');
      expect(answer.headers.get('allow')).toBe(allow);
      expect(answer.headers.get('x-ratelimit-remaining')).toMatch(/^\d+$/);
    }
    for (const method of ['PROPFIND', 'TRACE', 'QUERY', 'M-SEARCH']) {
      expect(await raw(method, '/api/tasks')).toMatchObject({ status: 405, code: 'method_not_allowed' });
      expect(await raw(method, '/api/nothing')).toMatchObject({ status: 404, code: 'not_found' });
      expect(await raw(method, '/api/tasks', [])).toMatchObject({ status: 401, code: 'unauthorized' });
    }
    expect(await api.call('HEAD', '/tasks')).toMatchObject({ status: 200, text: '' });
  });

  it('takes slashes as they come', async () => {
    for (const path of ['/api/tasks/', '/api//tasks', '//api/tasks?limit=1'])
      expect((await fetch(`${suite.url}${path}`, { headers: { authorization: api.authorization } })).status).toBe(200);
  });

  it('knows no id that nothing has, whatever it looks like', async () => {
    const ids = [
      'task-999999',
      'task-9223372036854775807',
      'task-9223372036854775808',
      'task-0',
      'task-01',
      '1',
      'task-',
      'task--1',
    ];
    for (const id of [
      ...ids,
      'task-1e3',
      'Task-1',
      'worker-1',
      'x'.repeat(3_000),
      '%00',
      "task-1'--",
      'task-%F0%9F%98%80',
    ])
      expectRefused(await api.get(`/tasks/${id}`), 404, 'not_found');
    for (const id of [
      'worker-1',
      'worker-',
      '00000000-0000-4000-8000-000000000000',
      'worker-00000000-0000-4000-8000-000000000000',
    ])
      expectRefused(await api.get(`/workers/${id}`), 404, 'not_found');
    for (const path of ['/webhooks/7', '/webhooks/webhook-7']) expectRefused(await api.delete(path), 404, 'not_found');
  });

  it('nothing that tells who calls reaches the log', () => {
    const written = suite.log('api-gateway');
    expect(written).not.toContain('request failed');
    for (const secret of ['demo-key', 'passing-key', SECRET, 'tet_nobody']) expect(written).not.toContain(secret);
  });

  /** What fetch does not send. @param authorization the header, as often as it is sent */
  function raw(
    method: string,
    path: string,
    authorization = [api.authorization],
  ): Promise<{ status: number; code?: string }> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${suite.url}${path}`, { method, headers: { Authorization: authorization } });
      request.once('error', reject);
      request.once('response', (response) => {
        json(response).then(
          (body) => resolve({ status: response.statusCode!, code: (body as Shown).error?.code }),
          reject,
        );
      });
      request.end();
    });
  }
});

describe('which tokens count', () => {
  it('a data folder has a secret of its own, for nobody else to read', async () => {
    const suite = await startSuite({ apps: ['api-gateway'], env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    try {
      const file = join(suite.dataDir, 'jwt-secret');
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const token = sign({ sub: 'demo-client' }, readFileSync(file, 'utf8'));
      expect((await new TaskSchedulerClient(suite.url, `Bearer ${token}`).get('/tasks')).status).toBe(200);
    } finally {
      await suite.stop();
    }
  });

  it('with a public key those of its owner; not those that are signed with the public key itself', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const env = { BOOTSTRAP_CLIENTS: BOOTSTRAP, JWT_PUBLIC_KEY: pem.replaceAll('\n', '\\n') };
    const suite = await startSuite({ apps: ['api-gateway'], env });
    try {
      const status = async (token: string) =>
        (await new TaskSchedulerClient(suite.url, `Bearer ${token}`).get('/tasks')).status;
      expect(await status(sign({ sub: 'demo-client' }, privateKey, { algorithm: 'RS256' }))).toBe(200);
      for (const key of [pem, pem.trim(), env.JWT_PUBLIC_KEY])
        expect(await status(forged({ alg: 'HS256' }, { sub: 'demo-client' }, key))).toBe(401);
    } finally {
      await suite.stop();
    }
  });

  it('with neither none', async () => {
    const suite = await startSuite({ apps: ['api-gateway'], env: { BOOTSTRAP_CLIENTS: BOOTSTRAP, JWT_SECRET: '' } });
    try {
      const answer = await new TaskSchedulerClient(suite.url, `Bearer ${sign({ sub: 'demo-client' }, 'x')}`).get(
        '/tasks',
      );
      expectRefused(answer, 401, 'unauthorized');
      expect(answer.body.error.message).toContain('not accepted here');
      expect((await new TaskSchedulerClient(suite.url).get('/tasks')).status).toBe(200);
    } finally {
      await suite.stop();
    }
  });
});
