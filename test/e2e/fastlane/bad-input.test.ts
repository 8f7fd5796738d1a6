import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { FastlaneClient, HTML } from './fastlane-client';

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const UNREADABLE = 'Failed to enqueue task because JSON body could not be parsed.';
const MISSING = 'image and command must be filled in the request.';
const ONE_TIME = "Only ONE of 'startAt', 'startIn' and 'cron' should be in the request.";
const JOB = randomUUID();

/** Everything that a request could have written. */
const WRITTEN = `SELECT (SELECT json_agg(g ORDER BY g.id) FROM command_group g) AS groups, (SELECT json_agg(c ORDER BY c.id) FROM command c) AS commands,
  (SELECT count(*) FROM run) AS runs, (SELECT count(*) FROM job) AS jobs, (SELECT count(*) FROM idempotency_key) AS keys,
  (SELECT json_agg(h) FROM container_host h) AS hosts, (SELECT json_agg(l) FROM lane l) AS lanes, (SELECT json_agg(c) FROM client c) AS clients`;

describe('bad input', () => {
  let suite: TestSuite;
  let api: FastlaneClient;
  let database: Client;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    api = new FastlaneClient(suite.url);
    database = new Client({ connectionString: suite.databaseUrl });
    await database.connect();
    const kept = await api.call('PUT', `/tasks/kept/jobs/${JOB}`, {
      body: { image: 'a', command: 'b', startIn: '1h', retries: 1, maxConcurrentExecutions: 5 },
    });
    expect(kept.status).toBe(200);
  });

  afterAll(async () => {
    await database?.end();
    await suite?.stop();
  });

  const written = async () => (await database.query<object>(WRITTEN)).rows;

  /** Refused with this text, and nothing written. */
  async function refused(
    method: string,
    path: string,
    body: unknown,
    text: string | RegExp,
    { status = 400, headers = {}, type = 'application/json' } = {},
  ): Promise<void> {
    const before = await written();
    const answer = await api.call(method, path, { body, headers, type });
    expect({ status: answer.status, text: answer.text, type: answer.headers['content-type'] }).toEqual({
      status,
      text: typeof text === 'string' ? text : expect.stringMatching(text),
      type: HTML,
    });
    expect(answer.text).not.toMatch(/ at .*\(|node_modules|\.ts:|\.js:/);
    expect(await written()).toEqual(before);
  }

  const routes = [
    ['POST', '/tasks/new/'],
    ['PUT', `/tasks/kept/jobs/${JOB}/`],
    ['PUT', `/tasks/new/jobs/${randomUUID()}`],
  ] as const;

  const bodies: [string, unknown, string | RegExp][] = [
    ['no body', undefined, UNREADABLE],
    ['an empty body', '', UNREADABLE],
    ['malformed JSON', '{"image":', UNREADABLE],
    ['JSON with something behind it', '{"image":"a","command":"b"} x', UNREADABLE],
    ['null', 'null', UNREADABLE],
    ['an empty text', '""', UNREADABLE],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), UNREADABLE],
    ['a list', '[]', /must be an object/],
    ['a number', '5', /must be an object/],
    ['a text', '"image"', /must be an object/],
    ['true', 'true', /must be an object/],
    ['a depth bomb', `{"image":"a","command":"b","metadata":{"a":${nested(200_000)}}}`, /nested deeper than 64/],
    ['NUL', '{"image":"a","command":"b\\u0000"}', /NUL/],
    ['a lone surrogate', '{"image":"a","command":"\\ud800"}', /surrogate/],
    ['__proto__', '{"image":"a","command":"b","__proto__":{}}', /__proto__/],
    ['a number out of range', '{"image":"a","command":"b","startAt":1e999}', /out of range/],
    ['too many entries', `{"image":"a","command":"b","x":[${'0,'.repeat(10_000)}0]}`, /more than 10000 entries/],
    ['no image', { command: 'b' }, MISSING],
    ['no command', { image: 'a' }, MISSING],
    ['an image that is null', { image: null, command: 'b' }, MISSING],
    ['two times', { image: 'a', command: 'b', startAt: 1, startIn: '1s' }, ONE_TIME],
    ['three times', { image: 'a', command: 'b', startAt: 1, startIn: '1s', cron: '* * * * *' }, ONE_TIME],
  ];

  it.each(bodies)('of a body: %s', async (_, body, text) => {
    for (const [method, path] of routes)
      for (const type of ['application/json', 'application/x-www-form-urlencoded', ''])
        await refused(method, path, body, text, { type });
  });

  it('takes a body under every Content-Type, and under none', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', '', 'nonsense', 'image/png; x='])
      expect((await api.post('/tasks/types/', { image: 'a', command: 'b' }, { type })).status).toBe(200);
  });

  const fields: [string, unknown[]][] = [
    ['image', [5, ['a'], {}, true, '', 'Not An Image', 'a:b:c', '--privileged']],
    ['command', [5, ['ls'], {}, true]],
    ['envs', ['A=B', ['A'], 5, { '': 'x' }, { 'A=B': 'x' }, { A: { b: 1 } }, { A: null }]],
    ['startIn', [5, true, '1d', '5m 30s', '30s5m', '-1s']],
    ['startAt', [true, [], {}, 'tomorrow', 1e15]],
    ['cron', [5, true, [], {}]],
    ['timezone', [5, 'Mars/Olympus', '', {}]],
    ['retries', [-1, 1.5, 1001, '3', null, {}]],
    ['expiration', [true, [], {}, 'soon']],
    ['timeout', [null, '20', [], {}]],
    ['notify', ['a@b.example', [], 5, { fails: 'a@b.example' }, { fails: ['nobody'] }]],
    ['webhooks', ['http://a', [], { fails: {} }, { fails: ['http://a'] }, { fails: [{ url: 'ftp://a' }] }]],
    ['additionalDNSEntries', [[['a', '10.0.0.1']], 'a', 5, { a: 'b' }, { 'a b': '10.0.0.1' }]],
    ['retryOnPullFailure', [1, 'true', {}]],
    ['memory', ['512k', 'a lot', 1, -1, {}]],
    ['cpus', [0, -1, '1', {}]],
    ['maxKeptExecutions', [0, -1, 1.5, '3', {}]],
    ['maxConcurrentExecutions', [-1, 1.5, '3', {}]],
  ];

  it.each(fields)('of a field: %s', async (name, values) => {
    for (const [method, path] of routes)
      for (const value of values)
        await refused(
          method,
          path,
          { image: 'a', command: 'b', [name]: value },
          new RegExp(`^Invalid parameter: ${name}\\b`),
        );
  });

  it('of a cron rule that is none, and of one that never fires', async () => {
    for (const cron of ['nonsense', '* * * *', '* * * * * * *', '99 * * * *', '0 0 31 2 *', '*/0 * * * *', '\n'])
      for (const [method, path] of routes) await refused(method, path, { image: 'a', command: 'b', cron }, /cron/);
    await refused(
      'POST',
      '/tasks/new/',
      { image: 'a', command: 'b', cron: '* * * * *', timezone: 'No/Where' },
      /timezone/,
    );
  });

  it('of ids and names', async () => {
    const body = { image: 'a', command: 'b' };
    for (const id of ['nothing', '5', `${JOB}0`, '%3Cb%3E', 'x'.repeat(5000)])
      await refused(
        'PUT',
        `/tasks/new/jobs/${id}/`,
        body,
        `The job_id ${decodeURIComponent(id)} is not a valid UUID4. All job IDs must be UUID4.`,
      );
    // before the body is looked at
    await refused('PUT', '/tasks/new/jobs/nothing', '{', /is not a valid UUID4/);
    await refused('POST', `/tasks/${'x'.repeat(501)}`, body, 'The task_id must have at most 500 characters.');
    for (const form of [JOB.toUpperCase(), JOB.replaceAll('-', ''), `%7B${JOB}%7D`, `urn:uuid:${JOB}`])
      expect((await api.call('PUT', `/tasks/forms/jobs/${form}/`, { body })).body.jobId).toBe(JOB);
    expect((await api.get('/tasks/forms/')).body.jobs).toHaveLength(1);
  });

  it('of an Idempotency-Key, and of a body that is too large', async () => {
    const body = { image: 'a', command: 'b' };
    for (const key of ['', 'x'.repeat(256), 'é'])
      await refused('POST', '/tasks/new/', body, /Idempotency-Key/, {
        headers: { 'idempotency-key': Buffer.from(key).toString('latin1') },
      });
    await refused('POST', '/tasks/new/', { ...body, metadata: { a: 'x'.repeat(1_100_000) } }, /larger than 1048576/, {
      status: 413,
    });
  });

  it('of pages: as clients know it', async () => {
    for (const page of ['', '0', '-1', '1.5', 'x', '%00', '１']) {
      const answer = await api.get(`/tasks/?page=${encodeURI(decodeURI(page))}`);
      expect(answer).toMatchObject({ status: 400, headers: { 'content-type': 'application/json' } });
      expect(answer.text).toBe(
        '{"error":"Tasks pagination page param should be a positive integer.","operation":"get_tasks"}',
      );
      expect((await api.get(`/search/?query=a&page=${encodeURI(decodeURI(page))}`)).body.operation).toBe('get_tasks');
      const details = await api.get(`/tasks/kept/jobs/${JOB}/?page=${encodeURI(decodeURI(page))}`);
      expect([details.status, details.body.operation]).toEqual([400, 'get_job']);
    }
    expect((await api.get('/tasks/?page=01')).status).toBe(200);
    for (const path of ['/search/', '/search/?query=', '/search/?page=0', '/search/?q=a'])
      expect(await api.get(path)).toMatchObject({
        status: 400,
        body: { error: 'The query param is required.', operation: 'search_tasks' },
      });
    for (const words of ['%00', '%FF', '%27%3B--', '%5C', "a'b | !(c) & *", '%25', 'x'.repeat(5000)])
      expect([200, 400]).toContain((await api.get(`/search/?query=${words.replaceAll(' ', '%20')}`)).status);
  });

  it('of what is not there: the texts and operations that clients know', async () => {
    const other = randomUUID();
    const job = (id: string) => `/tasks/kept/jobs/${id}`;
    const both = (id: string) => `Task (kept) or Job (${id}) not found.`;
    const cases: [string, string, number, string, string][] = [
      ['GET', '/tasks/nothing/', 404, 'Task not found.', 'get_task'],
    ];
    for (const id of [other, 'nothing', "'; DROP TABLE job; --"]) {
      const path = job(encodeURIComponent(id));
      cases.push(
        ['GET', `${path}/`, 404, 'Job not found in task.', 'get_task'],
        ['POST', `${path}/stop/`, 404, 'Job not found in task.', 'stop_job'],
        ['POST', `${path}/retry/`, 404, 'Job not found in task.', 'retry_job'],
        ['GET', `${path}/stdout/`, 404, both(id), 'retrieve_execution_details'],
        ['GET', `${path}/executions/${other}/logs/`, 404, both(id), 'retrieve_execution_details'],
        ['GET', `${path}/executions/${other}/`, 404, both(id), 'get_job_execution'],
        ['POST', `${path}/executions/${other}/stop/`, 404, both(id), 'stop_job_execution'],
      );
    }
    const { jobId } = await api.enqueue('kept');
    const path = job(jobId);
    const none = 'No executions found in job with specified arguments.';
    for (const id of [other, 'nothing'])
      cases.push(
        ['GET', `${path}/executions/${id}/stderr/`, 400, none, 'retrieve_execution_details'],
        [
          'GET',
          `${path}/executions/${id}/`,
          404,
          `Job Execution (${id}) not found in job (${jobId}).`,
          'get_job_execution',
        ],
        [
          'POST',
          `${path}/executions/${id}/stop/`,
          404,
          `Job Execution (${id}) not found in Job (${jobId}).`,
          'stop_job_execution',
        ],
      );
    // a job without executions is told before the execution that is unknown
    cases.push([
      'GET',
      `${job(JOB)}/executions/${other}/logs/`,
      400,
      `No executions found in job (${JOB}).`,
      'retrieve_execution_details',
    ]);
    for (const [method, url, status, error, operation] of cases) {
      const answer = await api.call(method, url);
      expect({ url, status: answer.status, text: answer.text }).toEqual({
        url,
        status,
        text: JSON.stringify({ error, operation }),
      });
      expect(answer.headers['content-type']).toBe('application/json');
    }
  });

  describe('of a host for the blacklist', () => {
    const PATH = '/docker-executor/blacklist';
    const unreadable = 'JSON body could not be parsed.';
    const missing = "'host' attribute was not found in JSON body.";
    const wrong = "'host' attribute had an invalid value.";
    const verbs = [
      ['POST', 'Failed to add host to blacklist because', 'Failed to add host to blacklist because'],
      ['PUT', 'Failed to add host to blacklist because', 'Failed to add host to blacklist because'],
      ['DELETE', 'Failed to remove host from blacklist because', 'Failed to remove host to blacklist because'],
    ] as const;

    it.each(verbs)('%s', async (method, failed, failedByValue) => {
      for (const body of [undefined, '', '""', 'null', '{"host":'])
        await refused(method, PATH, body, `${failed} ${unreadable}`);
      for (const body of ['{}', '[]', '5', '"a.bc:1"', '{"hosts":"a.bc:1"}'])
        await refused(method, PATH, body, `${failed} ${missing}`);
      for (const host of [
        'localhost:2375',
        '10.0.0.1:2375',
        'Example.com:1',
        'a.bc',
        'a.bc:x',
        '',
        null,
        5,
        {},
        ['a.bc:1'],
      ])
        await refused(method, PATH, { host }, `${failedByValue} ${wrong}`);
    });

    it('takes a good one as often as it comes, under every Content-Type', async () => {
      const body = { host: 'docker-1.example.com:2375' };
      for (const method of ['POST', 'PUT', 'POST', 'DELETE', 'DELETE'])
        for (const type of ['application/json', 'application/x-www-form-urlencoded', ''])
          expect(await api.call(method, PATH, { body, type })).toMatchObject({
            status: 200,
            text: '',
            headers: { 'content-type': HTML },
          });
    });

    it('knows a socket or an IPv6 address of the farm by either of its names, and workers ask for one of them', async () => {
      const hosts = [
        { host: 'unix:///run/docker.sock', port: 0 },
        { host: '::1', port: 2375 },
      ].map((each) => ({ ...each, available: true, blacklisted: false, circuit: 'closed', error: null }));
      const worker = randomUUID();
      await database.query(`INSERT INTO worker (id, app, host, pid) VALUES ($1, 'task-worker', 'here', 1)`, [worker]);
      await database.query(`INSERT INTO worker_runtime (worker_id, kind, hosts) VALUES ($1, 'docker', $2)`, [
        worker,
        JSON.stringify(hosts),
      ]);
      const listed = async () => {
        const { rows } = await database.query<{ host: string }>(
          `SELECT host FROM container_host WHERE blacklisted ORDER BY host COLLATE "C"`,
        );
        return rows.map(({ host }) => host);
      };
      const change = async (method: string, host: string) =>
        expect((await api.call(method, PATH, { body: { host } })).status).toBe(200);
      await change('POST', 'unix:///run/docker.sock:0');
      await change('POST', '::1:2375');
      expect(await listed()).toEqual(['[::1]:2375', 'unix:///run/docker.sock']);
      await change('DELETE', '[::1]:2375');
      await change('DELETE', 'unix:///run/docker.sock');
      expect(await listed()).toEqual([]);
    });
  });
});
