import { request as httpRequest } from 'node:http';
import { fetchJson } from '../../support/fetch-json';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, query, type Shown, TaskEngineClient } from './task-engine-client';

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const submission = (parameters: string) => `{"job":{"workflow":"noop"},"parameters":${parameters}}`;
const job = (fields: object) => ({ job: { workflow: 'noop', ...fields }, parameters: {} });

/** Everything that a request could have written. */
const WRITTEN = `SELECT (SELECT count(*) FROM job) AS jobs, (SELECT count(*) FROM job_log) AS log, (SELECT count(*) FROM setting) AS settings,
  (SELECT count(*) FROM job_transition) AS moves, (SELECT json_agg(l) FROM lane l) AS lanes, (SELECT json_agg(s) FROM schedule s) AS schedules,
  (SELECT json_agg(j ORDER BY j.id) FROM job j) AS rows`;

describe('bad input', () => {
  let suite: TestSuite;
  let api: TaskEngineClient;
  let id: number;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskEngineClient(suite.url);
    id = await api.submit('noop', {}, { run_at: '2037-01-01T00:00:00' });
  });

  afterAll(() => suite?.stop());

  /** The request is refused with the status and a message, and nothing was written. */
  async function refused(
    call: () => Promise<{ status: number; body: Shown }>,
    status: number,
    message: RegExp,
    keys: string[],
  ) {
    const before = await query(suite.databaseUrl, WRITTEN);
    const answer = await call();
    expect(answer.status).toBe(status);
    expect(Object.keys(answer.body)).toEqual(keys);
    expect(answer.body.error).toMatch(message);
    expect(answer.body.error).not.toMatch(/ at .*\(|node_modules|\.ts:|\.js:/);
    expect(await query(suite.databaseUrl, WRITTEN)).toEqual(before);
  }

  const parsing: [string, string | Buffer, RegExp][] = [
    ['malformed JSON', '{"job":', /Malformed JSON/],
    ['JSON with something behind it', '{"job":{"workflow":"noop"}} x', /Malformed JSON/],
    ['no body at all', '', /must be a JSON object/],
    ['a list', '[]', /must be a JSON object/],
    ['null', 'null', /must be a JSON object/],
    ['a string', '"job"', /must be a JSON object/],
    ['a depth bomb', submission(`{"a":${nested(200_000)}}`), /nested deeper than 64/],
    ['an object bomb', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000), /nested deeper than 64/],
    ['NUL in a value', submission('{"content_id":"a\\u0000b"}'), /NUL/],
    ['NUL in a name', submission('{"a\\u0000":1}'), /NUL/],
    ['NUL in the workflow', '{"job":{"workflow":"noop\\u0000"}}', /NUL/],
    ['a lone surrogate', submission('{"content_id":"\\ud83d"}'), /surrogate/],
    ['a lone surrogate in a name', submission('{"\\udc00":1}'), /surrogate/],
    ['__proto__', submission('{"__proto__":{"polluted":true}}'), /__proto__/],
    ['__proto__ at the top', '{"__proto__":{"job":{"workflow":"noop"}}}', /__proto__/],
    ['constructor.prototype', submission('{"constructor":{"prototype":{"a":1}}}'), /constructor\.prototype/],
    ['a list of too many entries', submission(`{"a":[${'0,'.repeat(10_000)}0]}`), /more than 10000 entries/],
    ['a number out of range', submission('{"a":1e999}'), /out of range/],
    ['an integer that would change', submission('{"a":[{"b":9007199254740993}]}'), /out of range/],
    ['a negative integer that would change', '{"priority":-9007199254740993}', /out of range/],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from('{"job":{"workflow":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}}')]),
      /UTF-8/,
    ],
  ];

  it.each(parsing)('POST /job refuses %s', async (_, body, message) => {
    await refused(() => raw('POST', '/job', body), 400, message, ['id', 'error']);
  });

  it.each(parsing)('PUT /jobs/:id refuses %s', async (_, body, message) => {
    await refused(() => raw('PUT', `/jobs/${id}`, body), 400, message, ['id', 'error']);
  });

  it.each(parsing)('POST /settings refuses %s', async (_, body, message) => {
    await refused(() => raw('POST', '/settings', body), 400, message, ['error']);
  });

  const malformed = parsing.filter(([, , message]) => !message.test('must be a JSON object'));

  it.each(malformed)('PUT /scheduler, rerun and push_jobs refuse %s', async (_, body, message) => {
    for (const type of ['application/json', '']) {
      await refused(() => raw('PUT', '/scheduler', body, type), 400, message, ['error']);
      await refused(() => raw('POST', `/jobs/${id}/rerun`, body, type), 400, message, ['error']);
      await refused(() => raw('POST', '/push_jobs', body, type), 400, message, ['error']);
    }
  });

  it('push_jobs needs no body, and authentication comes before its faults', async () => {
    for (const type of ['application/json', '']) {
      for (const body of ['', '{}']) expect((await raw('POST', '/push_jobs', body, type)).status).toBe(200);
    }
    expect(await raw('POST', '/push_jobs', '{"a":', 'application/json', { 'api-key': 'wrong' })).toEqual({
      status: 401,
      body: { result: 'Unauthorised request.' },
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['no job', { parameters: {} }, /Missing required parameter: job\.workflow/],
    ['a job that is none', { job: 'noop' }, /job must be an object/],
    ['a job that is a list', { job: [] }, /job must be an object/],
    ['a workflow that is no string', job({ workflow: 5 }), /workflow/],
    ['an unknown workflow', job({ workflow: 'nonsense' }), /Unknown workflow: nonsense/],
    ['a workflow named like a member of every object', job({ workflow: 'constructor' }), /Unknown workflow/],
    ['parameters that are a list', { job: { workflow: 'noop' }, parameters: [] }, /parameters must be an object/],
    ['parameters that are a string', { job: { workflow: 'noop' }, parameters: 'x' }, /parameters must be an object/],
    ['a missing required parameter', job({ workflow: 'sleep' }), /Missing required parameter: seconds/],
    ['a parameter out of range', { job: { workflow: 'sleep' }, parameters: { seconds: -1 } }, /seconds must/],
    ['priority 0', job({ priority: 0 }), /job\.priority must/],
    ['priority 11', job({ priority: '11' }), /job\.priority must/],
    ['half a priority', job({ priority: 1.5 }), /job\.priority must/],
    ['a priority that is a word', job({ priority: 'high' }), /job\.priority must/],
    ['a date that does not exist', job({ run_at: '2030-02-30T00:00:00.000' }), /job\.run_at must/],
    ['an hour that does not exist', job({ run_at: '2030-01-01T25:00:00.000' }), /job\.run_at must/],
    ['a date that is a number', job({ run_at: 5 }), /job\.run_at must/],
    ['a semaphore that is no URL', job({ semaphore_url: 'nowhere' }), /job\.semaphore_url must/],
    [
      'a semaphore with a port that is none',
      job({ semaphore_url: 'http://example.com:70000/' }),
      /job\.semaphore_url must/,
    ],
    ['a semaphore of another scheme', job({ semaphore_url: 'file:///etc/passwd' }), /job\.semaphore_url must/],
    [
      'an endpoint that is no URL',
      { job: { workflow: 'noop' }, parameters: { rest_endpoints: ['nowhere'] } },
      /rest_endpoints/,
    ],
    [
      'an endpoint with port 0',
      { job: { workflow: 'noop' }, parameters: { rest_endpoints: ['http://a:0/'] } },
      /rest_endpoints/,
    ],
    ['endpoints that are no list', { job: { workflow: 'noop' }, parameters: { rest_endpoints: 5 } }, /rest_endpoints/],
    ['persist that is neither yes nor no', job({ persist: 'maybe' }), /job\.persist must/],
    ['a client that is no string', { client: 5, ...job({}) }, /client must/],
  ])('POST /job refuses %s', async (_, body, message) => {
    await refused(() => api.post('/job', body), 400, message, ['id', 'error']);
  });

  it.each<[unknown, RegExp]>([
    [{}, /No updatable field/],
    [{ client: 'demo-client' }, /No updatable field/],
    [{ workflow: 'noop', state: 'paused' }, /No updatable field/],
    [{ queue_state: 'flying' }, /queue_state must/],
    [{ queue_state: 'started' }, /queue_state must/],
    [{ queue_state: 6 }, /queue_state must/],
    [{ run_at: '2030-02-30T00:00:00' }, /run_at must/],
    [{ run_at: 'tomorrow' }, /run_at must/],
    [{ run_at: null }, /run_at must/],
    [{ priority: 0 }, /priority must/],
    [{ priority: '99' }, /priority must/],
    [{ priority: 1, run_at: 'never' }, /run_at must/],
    [{ semaphore_url: 'nowhere' }, /semaphore_url must/],
    [{ sempahore_url: 'http://a:99999/' }, /sempahore_url must/],
    [{ persist: 'maybe' }, /persist must/],
  ])('PUT /jobs/:id refuses %j', async (body, message) => {
    await refused(() => api.put(`/jobs/${id}`, body), 400, message, ['id', 'error']);
  });

  it('changes nothing when one of several changes is refused', async () => {
    // a scheduled job can be given a priority but is queued by its time only
    await refused(() => api.put(`/jobs/${id}`, { priority: 1, queue_state: 'queued' }), 400, /only a paused job/, [
      'id',
      'error',
    ]);
  });

  it.each(['0', '-1', 'abc', '1.5', '999999999', '9223372036854775808', '9'.repeat(300), '1%20or%201=1', '%00'])(
    'id %s is refused by every route',
    async (wrong) => {
      await refused(() => api.put(`/jobs/${wrong}`, { priority: 1 }), 400, /job/i, ['id', 'error']);
      await refused(() => api.put(`/job/${wrong}`, { priority: 1 }), 400, /job/i, ['id', 'error']);
      await refused(() => api.call('POST', `/jobs/${wrong}/rerun`), 400, /job/i, ['error']);
    },
  );

  it.each<[unknown, RegExp]>([
    [{ setting: '4' }, /name must/],
    [{ name: '', setting: '4' }, /name must/],
    [{ name: 5, setting: '4' }, /name must/],
    [{ name: 'x'.repeat(201), setting: '4' }, /name must/],
    [{ name: 'max_jobs' }, /setting must/],
    [{ name: 'max_jobs', setting: { a: 1 } }, /setting must/],
    [{ name: 'max_jobs', setting: '0' }, /max_jobs must/],
    [{ name: 'max_jobs', setting: '-3' }, /max_jobs must/],
    [{ name: 'max_jobs', setting: 'many' }, /max_jobs must/],
    [{ name: 'max_jobs', setting: 1.5 }, /max_jobs must/],
    [{ name: 'max_jobs', setting: '99999999999999999999' }, /max_jobs must/],
    [{ name: 'priority_slots', setting: -1 }, /priority_slots must/],
    [{ name: 'priority_threshold', setting: '0' }, /priority_threshold must/],
    [{ name: 'schedule_interval', setting: '0' }, /schedule_interval must/],
    [{ name: 'retry_delay', setting: 'soon' }, /retry_delay must/],
    [{ name: 'retry_limit', setting: true }, /retry_limit must/],
  ])('POST /settings refuses %j', async (body, message) => {
    await refused(() => api.post('/settings', body), 400, message, ['error']);
  });

  it.each<[unknown, RegExp]>([
    [{ active: true }, /schedule must/],
    [{ schedule: 'queue_scheduled_jobs' }, /active must/],
    [{ schedule: 'queue_scheduled_jobs', active: 'maybe' }, /active must/],
    [{ schedule: 'queue_scheduled_jobs', active: null }, /active must/],
    [{ schedule: 'nonsense', active: true }, /Unknown schedule: nonsense/],
    [{ schedule: 5, active: true }, /schedule must/],
  ])('PUT /scheduler refuses %j', async (body, message) => {
    await refused(() => api.put('/scheduler', body), 400, message, ['error']);
  });

  it.each(['', 'application/x-www-form-urlencoded', 'text/plain'])(
    'refuses a body of Content-Type "%s" or none',
    async (type) => {
      const body = JSON.stringify(job({}));
      await refused(() => raw('POST', '/job', body, type), 400, /Content-Type must be application\/json/, [
        'id',
        'error',
      ]);
      await refused(() => raw('PUT', `/jobs/${id}`, '{"priority":1}', type), 400, /Content-Type/, ['id', 'error']);
    },
  );

  it.each([' ', 'json', 'application/', '/json', 'a b/json', ';charset=utf-8', 'application/json/x', '\u00e9'])(
    'refuses a body whose Content-Type is given as "%s", after authentication',
    async (given) => {
      const headers = { 'content-type': given };
      const text = /Content-Type must be application\/json/;
      const submitted = JSON.stringify(job({}));
      await refused(() => raw('POST', '/job', submitted, '', headers), 400, text, ['id', 'error']);
      await refused(() => raw('PUT', `/jobs/${id}`, '{"priority":1}', '', headers), 400, text, ['id', 'error']);
      await refused(() => raw('POST', '/settings', '{"name":"a","setting":"b"}', '', headers), 400, text, ['error']);
      expect((await raw('POST', '/job', submitted, '', { ...headers, 'api-key': 'wrong' })).status).toBe(401);
    },
  );

  it('gives every refusal of POST /job the next id of the jobs', async () => {
    const large = submission(`{"content_id":"${'x'.repeat(1_048_576)}"}`);
    const first = await raw('POST', '/job', '{}');
    expect(first).toMatchObject({ status: 400, body: { id: expect.stringMatching(/^\d+$/) } });
    const id = (offset: number) => String(Number(first.body.id) + offset);
    expect(await raw('POST', '/job', large)).toMatchObject({ status: 413, body: { id: id(1) } });
    const answer = await raw('POST', '/job', JSON.stringify(job({})), '', { 'content-type': '' });
    expect(answer).toMatchObject({ status: 400, body: { id: id(2) } });
    expect(await api.submit('noop')).toBe(Number(id(3)));
  });

  it.each(['HEAD', 'OPTIONS', 'GET', 'PUT', 'DELETE'])(
    '%s of an address that lacks it is not found',
    async (method) => {
      for (const path of ['/job', '/push_jobs', '/settings']) {
        const answer = await fetchJson(`${suite.url}${path}`, { method });
        expect({ path, status: answer.status }).toEqual({ path, status: 404 });
      }
    },
  );

  it('HEAD and OPTIONS of what can be read are no fault', async () => {
    for (const path of [
      '/',
      '/health',
      '/dashboard',
      '/jobs',
      `/jobs/${id}`,
      '/jobs/abc',
      `/logs/${id}`,
      '/schedules',
    ]) {
      for (const method of ['HEAD', 'OPTIONS']) {
        const { status } = await api.call(method, path);
        expect({ method, path, fault: status >= 500 }).toEqual({ method, path, fault: false });
      }
    }
  });

  it('accepts the Content-Types of old clients', async () => {
    for (const type of [
      'application/json; charset=utf-8',
      'application/json;charset=UTF-8',
      'APPLICATION/JSON',
      'text/json',
    ]) {
      expect((await raw('POST', '/job', JSON.stringify(job({})), type)).status).toBe(200);
    }
  });

  it('answers 413 to a body over the cap, however far over it, and takes one just below', async () => {
    const body = (bytes: number) =>
      submission(`{"content_id":"${'x'.repeat(bytes - submission('{"content_id":""}').length)}"}`);
    for (const bytes of [1_048_577, 3_000_000, 12_000_000]) {
      await refused(() => api.post('/job', body(bytes)), 413, /larger than 1048576 bytes/, ['id', 'error']);
      await refused(() => api.post('/settings', body(bytes)), 413, /larger than 1048576 bytes/, ['error']);
      await refused(() => api.post('/push_jobs', body(bytes)), 413, /larger than 1048576 bytes/, ['error']);
    }
    // the name would be in the body: without a key nobody is told anything, with one the fault
    const { client: _client, ...keyOnly } = api.headers;
    const unnamed = { method: 'POST', body: body(2_000_000) };
    expect((await fetchJson(`${suite.url}/job`, unnamed)).status).toBe(401);
    expect(await fetchJson(`${suite.url}/job`, { ...unnamed, headers: keyOnly })).toMatchObject({
      status: 413,
      body: { id: expect.stringMatching(/^\d+$/) },
    });
    const wrongKey = await api.call('POST', '/job', { body: body(2_000_000), headers: { 'api-key': 'wrong' } });
    expect(wrongKey).toMatchObject({ status: 401, body: { result: 'Unauthorised request.' } });
    expect((await api.post('/job', body(1_048_576))).status).toBe(200);
  });

  /** As bytes, also without a Content-Type (empty): fetch would add one. */
  async function raw(
    method: string,
    path: string,
    body: string | Buffer,
    type = 'application/json',
    others: Record<string, string> = {},
  ) {
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = { ...api.headers, ...(type ? { 'content-type': type } : {}), ...others };
      const request = httpRequest(`${suite.url}${path}`, { method, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      });
      request.on('error', reject).end(body);
    });
    return { status, body: JSON.parse(text) };
  }
});
