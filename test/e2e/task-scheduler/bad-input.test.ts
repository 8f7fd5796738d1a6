import { startSuite, type TestSuite } from '../../support/start-suite';
import {
  type Answer,
  BOOTSTRAP,
  expectRefused,
  FAR,
  query,
  type Shown,
  TaskSchedulerClient,
  WRITTEN,
} from './task-scheduler-client';

const TASK = { name: 'n', command: 'true', scheduled_at: FAR };
const nested = (levels: number) => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
const long = (length: number) => 'x'.repeat(length);
const ids = (count: number) => Array.from({ length: count }, (_, n) => `task-${n + 1}`);

describe('bad input', () => {
  let suite: TestSuite;
  let api: TaskSchedulerClient;
  let id: string;

  beforeAll(async () => {
    suite = await startSuite({
      apps: ['api-gateway'],
      env: { BOOTSTRAP_CLIENTS: BOOTSTRAP, DTS_RATE_LIMIT: '100000' },
    });
    api = new TaskSchedulerClient(suite.url);
    id = await api.waiting({ checkpoint_enabled: true });
  });

  afterAll(() => suite?.stop());

  /** Refused in the envelope, and nothing was written. */
  async function refused(call: () => Promise<Answer>, status: number, code: string): Promise<Shown> {
    const before = await query(suite.databaseUrl, WRITTEN);
    const answer = await call();
    expectRefused(answer, status, code);
    expect(await query(suite.databaseUrl, WRITTEN)).toEqual(before);
    return answer.body.error;
  }

  const bodies: [string, string, number, string][] = [
    ['malformed JSON', '{"name":', 400, 'malformed_json'],
    ['JSON with something behind it', '{"name":"n","command":"true"} x', 400, 'malformed_json'],
    ['no body at all', '', 400, 'malformed_json'],
    ['bytes that are no UTF-8', '', 400, 'malformed_json'],
    ['a list', '[]', 422, 'validation_error'],
    ['null', 'null', 422, 'validation_error'],
    ['a text', '"name"', 422, 'validation_error'],
    ['a depth bomb', nested(100_000), 422, 'validation_error'],
    ['NUL in a value', '{"name":"a\\u0000b","command":"true"}', 422, 'validation_error'],
    ['NUL in a name', '{"name":"n","command":"true","a\\u0000":1}', 422, 'validation_error'],
    ['half of a surrogate pair', '{"name":"n","command":"echo \\ud83d"}', 422, 'validation_error'],
    ['__proto__', '{"name":"n","command":"true","__proto__":{"priority":1}}', 422, 'validation_error'],
    ['a number beyond all', '{"name":"n","command":"true","priority":1e400}', 422, 'validation_error'],
    ['too many bytes', JSON.stringify({ ...TASK, x: long(1_100_000) }), 413, 'payload_too_large'],
  ];

  it.each(bodies)('refuses %s wherever a body is read', async (what, body, status, code) => {
    const sent = what.startsWith('bytes') ? Buffer.from([0x7b, 0xff, 0x7d]) : body;
    for (const [method, path] of [
      ['POST', '/tasks'],
      ['PUT', `/tasks/${id}`],
      ['POST', `/tasks/${id}/checkpoint`],
      ['POST', '/webhooks'],
    ] as const)
      await refused(() => raw(method, path, sent), status, code);
  });

  const fields: Record<string, unknown[]> = {
    name: ['', '  ', long(256), null, 5, ['n'], {}, true],
    description: [long(10_001), 5, [], {}],
    priority: [0, 11, -5, 1.5, '5', null, true, [5]],
    max_retries: [-1, 101, 1.5, '3', null],
    scheduled_at: ['', 'tomorrow', '2023-02-30T00:00:00Z', '1969-01-01T00:00:00Z', '10000-01-01T00:00:00Z', 5, {}],
    timeout_seconds: [0, -1, 31_536_001, 0.5, '60', null],
    tags: ['a', null, {}, [''], [5], [long(101)], Array(51).fill('a')],
    dependencies: ['task-1', null, [1], ['1'], ['task-x'], ['task-0'], ['worker-1'], ids(10_001)],
    worker_tags: ['gpu', null, [''], ['a b'], ['a,b'], [long(65)], Array(21).fill('a')],
  };

  it.each(Object.entries(fields))(
    'refuses a wrong %s by its name, in a new task and in a change',
    async (field, values) => {
      for (const value of values) {
        const error = await refused(() => api.post('/tasks', { ...TASK, [field]: value }), 422, 'validation_error');
        // a list beyond all bounds is refused before its name is looked at
        if (!Array.isArray(value) || value.length <= 10_000) expect(Object.keys(error.details)).toEqual([field]);
        await refused(() => api.put(`/tasks/${id}`, { [field]: value }), 422, 'validation_error');
      }
    },
  );

  it('refuses a task without a name, without a command, with a command that is none', async () => {
    const all = await refused(() => api.post('/tasks', {}), 422, 'validation_error');
    expect(all.details).toEqual({ name: 'is required', command: 'is required' });
    for (const command of ['', ' ', null, 5, ['true'], long(65_537)])
      await refused(() => api.post('/tasks', { ...TASK, command }), 422, 'validation_error');
    for (const checkpoint_enabled of ['true', 1, null])
      await refused(() => api.post('/tasks', { ...TASK, checkpoint_enabled }), 422, 'validation_error');
  });

  it('changes no command, no status and no checkpoint_enabled', async () => {
    for (const body of [{ command: 'false' }, { status: 'completed' }, { checkpoint_enabled: false }]) {
      const error = await refused(() => api.put(`/tasks/${id}`, { name: 'other', ...body }), 422, 'validation_error');
      expect(error.details).toEqual({ [Object.keys(body)[0]!]: 'cannot be changed' });
    }
  });

  it('refuses dependencies that are not there, and circles', async () => {
    const [a, b, c] = [await api.waiting(), await api.waiting(), await api.waiting()];
    for (const unknown of ['task-999999', 'task-9223372036854775807']) {
      const error = await refused(
        () => api.post('/tasks', { ...TASK, dependencies: [a, unknown] }),
        422,
        'validation_error',
      );
      expect(error.details.dependencies).toContain(unknown);
    }
    expect((await api.put(`/tasks/${b}`, { dependencies: [a] })).status).toBe(200);
    expect((await api.put(`/tasks/${c}`, { dependencies: [b, a, a] })).body.data.dependencies).toEqual([b, a]);
    for (const dependencies of [[a], [c], [b, c], ['task-999999'], [b]]) {
      const error = await refused(() => api.put(`/tasks/${a}`, { dependencies }), 422, 'validation_error');
      expect(Object.keys(error.details)).toEqual(['dependencies']);
    }
  });

  it('refuses a change, a retry and a checkpoint of a task in the wrong state, and tells which', async () => {
    const cancelled = await api.waiting({ checkpoint_enabled: true });
    expect((await api.post(`/tasks/${cancelled}/cancel`)).body.data.status).toBe('cancelled');
    for (const call of [
      () => api.put(`/tasks/${cancelled}`, { name: 'x' }),
      () => api.post(`/tasks/${cancelled}/cancel`),
      () => api.post(`/tasks/${cancelled}/retry`),
      () => api.post(`/tasks/${cancelled}/checkpoint`, { checkpoint_data: {} }),
    ])
      expect((await refused(call, 409, 'conflict')).details).toEqual({ status: 'cancelled' });
    expect((await refused(() => api.post(`/tasks/${id}/retry`), 409, 'conflict')).details).toEqual({
      status: 'pending',
    });
    const error = await refused(() => api.post(`/tasks/${id}/checkpoint`, { checkpoint_data: {} }), 409, 'conflict');
    expect(error.details).toEqual({ status: 'pending' });
  });

  it('deletes nothing that pending tasks depend on', async () => {
    const parent = await api.waiting();
    const child = await api.create({ dependencies: [parent] });
    const error = await refused(() => api.delete(`/tasks/${parent}`), 409, 'conflict');
    expect(error.details).toEqual({ dependents: [child] });
    expect((await api.delete(`/tasks/${child}`)).body).toEqual({
      data: { success: true, message: 'Task deleted successfully' },
    });
    expect((await api.delete(`/tasks/${parent}`)).status).toBe(200);
    expectRefused(await api.delete(`/tasks/${parent}`), 404, 'not_found');
  });

  it('refuses a checkpoint that is no object, or too large', async () => {
    for (const checkpoint_data of [undefined, null, [], 'a', 5, true, { a: long(65_536) }]) {
      const call = () => api.post(`/tasks/${id}/checkpoint`, { checkpoint_data });
      expect(Object.keys((await refused(call, 422, 'validation_error')).details)).toEqual(['checkpoint_data']);
    }
    const deep = `{"checkpoint_data":${nested(70)}}`;
    await refused(() => raw('POST', `/tasks/${id}/checkpoint`, deep), 422, 'validation_error');
  });

  const VALID = { url: 'https://example.com/', events: ['task.created'] };
  const webhook: Record<string, unknown[]> = {
    url: [
      undefined,
      null,
      '',
      5,
      'example.com',
      'ftp://example.com/',
      'http://',
      'http://user:pw@example.com/',
      'http://a b/',
    ],
    events: [undefined, null, [], 'task.created', {}, [5], ['task.unknown'], ['task.created', 'worker.gone']],
    secret: ['', 5, {}, long(256)],
  };

  it.each(Object.entries(webhook))('refuses a webhook with a wrong %s', async (field, values) => {
    for (const value of values) {
      const error = await refused(() => api.post('/webhooks', { ...VALID, [field]: value }), 422, 'validation_error');
      expect(Object.keys(error.details)).toEqual([field]);
    }
  });

  it.each([
    ...['page=0', 'page=-1', 'page=x', 'page=1.5', 'limit=0', 'limit=x', 'page=1&page=2', 'limit=1e2'].flatMap((part) =>
      ['/tasks', '/workers', '/webhooks'].map((path) => `${path}?${part}`),
    ),
    '/tasks?status=queued',
    '/tasks?status=Pending',
    '/tasks?sort=command',
    '/tasks?sort=created_at;drop%20table%20job',
    '/tasks?order=up',
    '/tasks?tag=%00',
    '/tasks?tag=a&tag=b',
    '/workers?status=busy',
    '/tasks/task-1/logs?limit=0',
    '/tasks/task-1/logs?offset=-1',
    '/tasks/task-1/logs?level=fatal',
    '/system/metrics?period=year',
    '/system/metrics?metrics=uptime',
    '/system/metrics?metrics=error_rate,uptime',
  ])('refuses the query of %s', async (path) => {
    const error = await refused(() => api.get(path), 400, 'invalid_query');
    expect(Object.keys(error.details)).toHaveLength(1);
  });

  it('reads a page that is far behind as an empty one, and a limit over 100 as 100', async () => {
    const far = await api.get('/tasks?page=999999999999999&limit=1000');
    expect(far.body).toMatchObject({ data: [], meta: { page: 999_999_999_999_999, limit: 100 } });
    expect((await api.get(`/tasks/${id}/logs?limit=5000&offset=999999999999999`)).body).toMatchObject({
      data: [],
      meta: { limit: 1_000 },
    });
    expect((await api.get('/tasks?status=&tag=&page=')).status).toBe(200);
  });

  it('takes whatever Content-Type a body comes under, and fields that nobody knows', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = JSON.stringify({ ...TASK, id: 'task-7', status: 5, owner: 'somebody' });
    const answer = await api.call('POST', '/tasks', { body, headers });
    expect(answer.status).toBe(201);
    expect(answer.body.data).toMatchObject({ status: 'pending', worker_id: null });
  });

  it('keeps texts as they are: quotes, new lines, other scripts, markup', async () => {
    const texts = {
      name: `'"; DROP TABLE job; --`,
      description: '<b>\n\t\u2028 😀 {}${parameters.command}',
      tags: ["a'b", '{"x"}', 'ü'],
    };
    const created = await api.waiting(texts);
    expect(await api.task(created)).toMatchObject(texts);
    const found = await api.get(`/tasks?tag=${encodeURIComponent("a'b")}`);
    expect(found.body.data.map((task: Shown) => task.id)).toEqual([created]);
  });

  it('was nothing but refusals to the gateway', () => {
    expect(suite.log('api-gateway')).not.toContain('request failed');
  });

  async function raw(method: string, path: string, body: string | Buffer): Promise<Answer> {
    const headers = { authorization: api.authorization, 'content-type': 'application/json' };
    const response = await fetch(`${suite.url}/api${path}`, {
      method,
      headers,
      body: new Uint8Array(Buffer.from(body)),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  }
});
