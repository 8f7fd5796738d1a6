import { request as httpRequest } from 'node:http';
import { Client } from 'pg';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { type Answer, CURL_TYPE, PASSWORD, TaskTrackerClient, TEXT, type WorkerClient } from './task-tracker-client';

/** Everything that a request could have written. */
const WRITTEN = `SELECT (SELECT json_agg(p ORDER BY p.id) FROM project p) AS projects, (SELECT json_agg(w ORDER BY w.id) FROM pull_worker w) AS workers,
  (SELECT json_agg(m ORDER BY m.id) FROM manager m) AS managers, (SELECT count(*) FROM manager_session) AS sessions,
  (SELECT json_agg(r ORDER BY r.manager_id, r.project_id) FROM project_role r) AS roles, (SELECT count(*) FROM project_access) AS accesses,
  (SELECT json_agg(t ORDER BY t.job_id) FROM pull_task t) AS tasks, (SELECT count(*) FROM pull_vote) AS votes, (SELECT count(*) FROM job) AS jobs,
  (SELECT count(*) FROM worker_log) AS logs, (SELECT json_agg(l ORDER BY l.id) FROM lane l) AS lanes`;

const UNPARSED = { status: 400, text: '{"ok":false,"message":"Could not parse request"}' };
const EMPTY_400 = { status: 400, text: '' };
const EMPTY_200 = { status: 200, text: '' };

type Kind = 'text' | 'int64' | 'int16' | 'float' | 'flag' | 'list' | 'object';

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

/** Values, as JSON, that a field of a kind cannot have. */
const WRONG: Record<Kind, string[]> = {
  text: ['5', 'true', '[]', '{}', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00"'],
  int64: ['"1"', '1.0', '1e2', 'true', '[]', '{}', '9223372036854775808', '-9223372036854775809', '1e999', '01'],
  int16: ['"1"', '1.0', 'true', '{}', '32768', '-32769', '99999999999999999999'],
  float: ['"1"', 'true', '[]', '1e999', 'NaN', '.5'],
  flag: ['"true"', '0', '1', '[]', '{}'],
  list: ['{}', '"x"', '1', 'true', '[1]', '["x"]', '[[]]', '[true]'],
  object: ['[]', '"x"', '1', 'true'],
};

const TASK = {
  project: 'int64',
  recipe: 'text',
  max_retries: 'int16',
  priority: 'int16',
  max_assign_time: 'int64',
  hash64: 'int64',
  hash_u64: 'int64',
  unique_string: 'text',
  unique_str: 'text',
  verification_count: 'int16',
} as const;

const PROJECT = {
  name: 'text',
  clone_url: 'text',
  git_repo: 'text',
  version: 'text',
  priority: 'int64',
  motd: 'text',
  public: 'flag',
  hidden: 'flag',
  chain: 'int64',
  assign_rate: 'float',
  submit_rate: 'float',
} as const;

/** Every route that reads a body, the kinds of its fields, and how it refuses one that it cannot read. */
const ROUTES: [string, Record<string, Kind>, { status: number; text: string }][] = [
  ['/worker/create', { alias: 'text' }, EMPTY_200],
  ['/worker/update', { alias: 'text' }, UNPARSED],
  ['/worker/set_paused', { worker: 'int64', paused: 'flag' }, UNPARSED],
  ['/task/submit', TASK, UNPARSED],
  ['/task/bulk_submit', { requests: 'list' }, UNPARSED],
  ['/task/release', { task_id: 'int64', result: 'int64', verification: 'int64' }, UNPARSED],
  ['/log/info', { scope: 'text', message: 'text', timestamp: 'int64' }, UNPARSED],
  ['/logs', { since: 'int64', level: 'int64' }, UNPARSED],
  ['/project/request_access', { project: 'int64', assign: 'flag', submit: 'flag' }, UNPARSED],
  ['/project/create', PROJECT, UNPARSED],
  ['/project/update/1', { ...PROJECT, paused: 'flag' }, UNPARSED],
  ['/project/secret/1', { secret: 'text' }, UNPARSED],
  ['/project/webhook_secret/1', { webhook_secret: 'text' }, UNPARSED],
  ['/manager/set_role_for_project/1', { manager: 'int64', role: 'int64' }, UNPARSED],
  ['/register', { username: 'text', password: 'text' }, UNPARSED],
  ['/login', { username: 'text', password: 'text' }, UNPARSED],
  ['/git/receivehook', { ref: 'text', after: 'text', repository: 'object' }, EMPTY_400],
];

describe('bad input', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: TaskTrackerClient;
  let worker: WorkerClient;
  let both: TaskTrackerClient;
  let database: Client;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    guest = new TaskTrackerClient(suite.url);
    admin = await guest.manager('ann');
    worker = await guest.worker();
    const project = await admin.project({ public: true });
    expect(project).toBe(1);
    await admin.grant(worker, project, { assign: true, submit: true });
    await worker.submit(project, { max_assign_time: 3_600, hash64: 5 });
    await worker.take(project);
    both = guest.with({ ...admin.headers, ...worker.headers });
    database = new Client({ connectionString: suite.databaseUrl });
    await database.connect();
  });

  afterAll(async () => {
    await database?.end();
    await suite?.stop();
  });

  const written = async () => (await database.query<object>(WRITTEN)).rows;

  /** Refused so, and nothing written. */
  async function refused(
    send: () => Promise<Answer>,
    expected: { status: number; text: string },
    what = '',
  ): Promise<void> {
    const before = await written();
    const { status, text, headers } = await send();
    expect({ what, status, text }).toEqual({ what, ...expected });
    expect(headers.server).toBe('task_tracker');
    if (text !== '') expect(headers['content-type']).toBe(text.startsWith('{') ? 'application/json' : TEXT);
    expect(await written()).toEqual(before);
  }

  const says = (status: number, message: string) => ({ status, text: JSON.stringify({ ok: false, message }) });

  describe.each(ROUTES)('of %s', (path, fields, unparsed) => {
    it.each([
      ['no body', undefined],
      ['an empty body', ''],
      ['blanks', ' \n'],
      ['malformed JSON', '{"alias":'],
      ['something behind the end', '{} x'],
      ['a trailing comma', '{"a":1,}'],
      ['a byte order mark', '\uFEFF{}'],
      ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
      ['a list', '[]'],
      ['a list of objects', '[{}]'],
      ['a number', '5'],
      ['a text', '"a"'],
      ['true', 'true'],
      ['a form', 'alias=a&project=1'],
      ['a depth bomb', `{"x":${nested(200_000)}}`],
    ])('%s', async (_, body) => {
      for (const type of [CURL_TYPE, 'application/json'])
        await refused(() => both.post(path, body, { type }), unparsed);
    });

    it('fields of other types and out of range', async () => {
      for (const [name, kind] of Object.entries(fields))
        for (const value of WRONG[kind])
          await refused(() => both.post(path, `{"${name}":${value}}`), unparsed, `${name} ${value}`);
    });
  });

  it('fields of the tasks of a bulk', async () => {
    for (const [name, kind] of Object.entries(TASK))
      for (const value of WRONG[kind]) {
        const entry = `{"project":1,"recipe":"r"}`;
        const body = `{"requests":[${entry},{"${name}":${value}}]}`;
        await refused(() => worker.post('/task/bulk_submit', body), UNPARSED, `${name} ${value}`);
      }
    for (const body of ['{}', 'null', '{"requests":[]}', '{"requests":null}'])
      await refused(() => worker.post('/task/bulk_submit', body), UNPARSED, body);
    await refused(() => worker.post('/task/bulk_submit', '{"requests":[null]}'), says(400, 'Invalid request'));
  });

  it.each([
    ['no fields', {}],
    ['no project', { recipe: 'r' }],
    ['no recipe', { project: 1 }],
    ['an empty recipe', { project: 1, recipe: '' }],
    ['negative retries', { project: 1, recipe: 'r', max_retries: -1 }],
    ['a hash and a text', { project: 1, recipe: 'r', hash64: 1, unique_string: 'a' }],
    ['the same under their other names', { project: 1, recipe: 'r', hash_u64: 1, unique_str: 'a' }],
    ['two hashes', { project: 1, recipe: 'r', hash_u64: 1, hash64: 2 }],
    ['two texts', { project: 1, recipe: 'r', unique_string: 'b', unique_str: 'a' }],
  ])('a task with %s', async (_, task) => {
    await refused(() => worker.post('/task/submit', task), says(400, 'Invalid task'));
    await refused(
      () => worker.post('/task/bulk_submit', { requests: [{ project: 1, recipe: 'r' }, task] }),
      says(400, 'Invalid request'),
    );
  });

  it('a task that cannot be kept', async () => {
    await refused(
      () => worker.post('/task/submit', { project: 1, recipe: 'r', max_assign_time: 3_000_000_000 }),
      says(400, 'pq: value "3000000000" is out of range for type integer'),
    );
    await refused(() => worker.post('/task/submit', { project: 2, recipe: 'r' }), says(404, 'Project not found'));
    await refused(() => worker.post('/task/release', '{"task_id":0}'), says(400, 'Invalid request'));
    await refused(() => worker.post('/task/release', 'null'), says(400, 'Invalid request'));
  });

  describe('who a worker says it is', () => {
    const WRONG_HEADERS: [Record<string, string>, string][] = [
      [{}, 'worker id not specified'],
      [{ 'X-Worker-ID': '' }, 'worker id not specified'],
      [{ 'X-Worker-ID': '1' }, 'secret is not specified'],
      [{ 'X-Worker-ID': 'abc' }, 'secret is not specified'],
      [{ 'X-Worker-ID': 'abc', 'X-Secret': 'x' }, 'strconv.ParseInt: parsing "abc": invalid syntax'],
      [{ 'X-Worker-ID': 'None', 'X-Secret': 'None' }, 'strconv.ParseInt: parsing "None": invalid syntax'],
      [{ 'X-Worker-ID': '1.5', 'X-Secret': 'x' }, 'strconv.ParseInt: parsing "1.5": invalid syntax'],
      [
        { 'X-Worker-ID': '9223372036854775808', 'X-Secret': 'x' },
        'strconv.ParseInt: parsing "9223372036854775808": value out of range',
      ],
      [{ 'X-Worker-ID': '77', 'X-Secret': 'x' }, 'worker id does not match any valid worker'],
      [{ 'X-Worker-ID': '9223372036854775807', 'X-Secret': 'x' }, 'worker id does not match any valid worker'],
      [{ 'X-Worker-ID': '1', 'X-Secret': 'x' }, 'invalid secret'],
    ];

    it.each(WRONG_HEADERS)('%j', async (headers, message) => {
      const stranger = guest.with(headers);
      for (const path of ['/worker/update', '/task/submit', '/task/bulk_submit'])
        await refused(() => stranger.post(path, '{'), says(401, message), path);
      await refused(
        () => stranger.post('/project/request_access', { project: 1, assign: true }),
        says(401, message),
        'access',
      );
      await refused(() => stranger.get('/task/get/1'), says(403, message));
      await refused(() => stranger.post('/task/release', '{'), says(403, message));
      for (const level of ['trace', 'info', 'warn', 'error'])
        await refused(
          () => stranger.post(`/log/${level}`, { scope: 's', message: 'm', timestamp: 1 }),
          UNPARSED,
          level,
        );
    });

    it('does not matter where nobody asks', async () => {
      const python = guest.with({ 'X-Worker-Id': 'None', 'X-Secret': 'None' });
      expect((await python.post('/worker/create', { alias: 'py' })).status).toBe(200);
      for (const path of ['/project/list', '/project/get/1', '/worker/stats', '/account'])
        expect((await python.get(path)).status).toBe(200);
    });
  });

  const PATH_IDS: ['GET' | 'POST', string, string][] = [
    ['GET', '/task/get/:id', 'Invalid project id'],
    ['GET', '/project/get/:id', 'Invalid worker id'],
    ['GET', '/project/secret/:id', 'Invalid project id'],
    ['POST', '/project/secret/:id', 'Invalid project id'],
    ['GET', '/project/webhook_secret/:id', 'Invalid project id'],
    ['POST', '/project/webhook_secret/:id', 'Invalid project id'],
    ['POST', '/project/update/:id', 'Invalid project id'],
    ['GET', '/project/access_list/:id', 'Invalid worker id'],
    ['POST', '/project/accept_request/:id/1', 'Invalid worker id'],
    ['POST', '/project/accept_request/1/:id', 'Invalid worker id'],
    ['POST', '/project/reject_request/:id/1', 'Invalid project id'],
    ['POST', '/project/reject_request/1/:id', 'Invalid worker id'],
    ['GET', '/project/monitoring/:id?count=1', 'Invalid request'],
    ['GET', '/project/monitoring-between/:id?from=1&to=2', 'Invalid request'],
    ['GET', '/project/assignees/:id', 'Invalid worker id'],
    ['POST', '/project/reset_failed_tasks/:id', 'Invalid project id'],
    ['POST', '/project/hard_reset/:id', 'Invalid project id'],
    ['POST', '/project/reclaim_assigned_tasks/:id', 'Invalid project id'],
    ['GET', '/manager/list_for_project/:id', 'Invalid project id'],
    ['GET', '/manager/promote/:id', 'Invalid manager id'],
    ['GET', '/manager/demote/:id', 'Invalid manager id'],
    ['POST', '/manager/set_role_for_project/:id', 'Invalid project id'],
  ];
  const NO_IDS = [
    'x',
    '1.0',
    '1e2',
    '0x1',
    '%201',
    '1%20',
    '%00',
    '%ff',
    '%zz',
    'a%2Fb',
    '9223372036854775808',
    "1'--",
  ];

  it.each(PATH_IDS)('an id in the path of %s %s', async (method, path, message) => {
    for (const id of NO_IDS)
      await refused(() => both.call(method, path.replace(':id', id), { body: undefined }), says(400, message), id);
  });

  it('the id of a worker', async () => {
    for (const id of ['x', '1.0']) {
      const message = `strconv.ParseInt: parsing "${id}": invalid syntax`;
      await refused(() => guest.get(`/worker/get/${id}`), says(400, message), id);
    }
    for (const id of ['0', '-1'])
      await refused(() => guest.get(`/worker/get/${id}`), says(400, 'Invalid worker id'), id);
    await refused(() => guest.get('/worker/get/99999999999'), says(404, 'Worker not found'));
  });

  it('how many snapshots, and of which time', async () => {
    const invalid = says(400, 'Invalid request');
    for (const count of ['', '0', '1000', '-1', 'x', '1.5', '99999999999999999999', '%00'])
      await refused(() => guest.get(`/project/monitoring/1?count=${count}`), invalid, count);
    await refused(() => guest.get('/project/monitoring/1'), invalid);
    for (const query of ['', 'from=1', 'to=1', 'from=0&to=1', 'from=1&to=0', 'from=1&to=2147483647', 'from=x&to=1'])
      await refused(() => guest.get(`/project/monitoring-between/1?${query}`), invalid, query);
    for (const query of ['monitoring/1?count=999', 'monitoring/1?count=1&count=x', 'monitoring-between/1?from=5&to=1'])
      expect((await guest.get(`/project/${query}`)).body).toEqual({ ok: true, content: { snapshots: [] } });
  });

  it('names and passwords that are too short or too long, counted in bytes', async () => {
    const invalid = says(400, 'Invalid register request');
    for (const username of ['', 'ab', 'a'.repeat(17), 'é'.repeat(9)])
      await refused(() => guest.post('/register', { username, password: PASSWORD }), invalid, username);
    for (const password of ['', 'seven77'])
      await refused(() => guest.post('/register', { username: 'new', password }), invalid, password);
  });

  describe('a body that is too large', () => {
    const LIMIT = 4 * 1024 * 1024;
    const bodyOf = (bytes: number) => `{"recipe":"${'x'.repeat(bytes - 13)}"}`;
    const TOO_LARGE = { status: 400, text: 'Error when parsing request' };

    it('is refused as a text, and the connection closed', async () => {
      for (const path of ['/task/submit', '/login', '/worker/create', '/git/receivehook']) {
        for (const bytes of [LIMIT + 1, 3 * LIMIT])
          await refused(() => both.post(path, bodyOf(bytes)), TOO_LARGE, path);
        expect((await both.post(path, bodyOf(LIMIT + 1))).headers.connection).toBe('close');
      }
    });

    it('one that is just not is read', async () => {
      expect(Buffer.byteLength(bodyOf(LIMIT))).toBe(LIMIT);
      await refused(() => worker.post('/task/submit', bodyOf(LIMIT)), says(400, 'Invalid task'));
    });

    it('also without a length', async () => {
      const { hostname, port } = new URL(suite.url);
      const answer = await new Promise<{ status?: number; text: string }>((resolve, reject) => {
        const request = httpRequest({ host: hostname, port, method: 'POST', path: '/login', agent: false });
        request.once('error', reject);
        request.once('response', (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.once('end', () => resolve({ status: response.statusCode, text }));
        });
        request.write(bodyOf(LIMIT));
        request.end('x');
      });
      expect(answer).toEqual(TOO_LARGE);
    });
  });

  it('takes a body under every Content-Type, and under none', async () => {
    for (const type of [
      'application/json',
      'application/x-www-form-urlencoded',
      'text/plain',
      '',
      'nonsense',
      'a/b; x=',
    ])
      expect((await guest.post('/worker/create', '{"alias":"typed"}', { type })).body).toMatchObject({
        ok: true,
        content: { worker: { alias: 'typed' } },
      });
  });

  it('shows no stack, no statement and no secret in what it logs of all this', () => {
    const log = suite.log('api-gateway');
    expect(log).not.toContain('request failed');
    expect(log).not.toContain(worker.secret);
    expect(log).not.toContain(PASSWORD);
  });
});
