import { startSuite, type TestSuite } from '../../support/start-suite';
import { fetchJson } from '../../support/fetch-json';
import { BOOTSTRAP, CLIENTS, query, TaskEngineClient } from './task-engine-client';

/** A job with the given columns, straight into the database: the reads must not depend on who moved it there. */
async function insertJobs(databaseUrl: string, jobs: Record<string, unknown>[]): Promise<number[]> {
  await query(
    databaseUrl,
    `INSERT INTO definition (digest, workflow, body) VALUES ('d', 'noop', '{}') ON CONFLICT DO NOTHING`,
  );
  const rows = await query<{ id: string }>(
    databaseUrl,
    `INSERT INTO job (lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, persist, created_at, run_at, finished_at)
     SELECT 1, (SELECT id FROM client WHERE name = COALESCE(j.client, 'demo-client')), COALESCE(j.workflow, 'noop'), 'd',
            COALESCE(j.submitted, '{}'), COALESCE(j.submitted, '{}'), COALESCE(j.priority, 5), COALESCE(j.state, 'queued'), COALESCE(j.persist, false),
            COALESCE(j.created_at, now()), COALESCE(j.run_at, now()), CASE WHEN j.state IN ('completed', 'failed', 'broken') THEN now() END
     FROM jsonb_to_recordset($1) AS j (n int, client text, workflow text, submitted jsonb, priority int, state text, persist boolean,
                                       created_at timestamptz, run_at timestamptz)
     ORDER BY j.n RETURNING id`,
    [JSON.stringify(jobs.map((job, n) => ({ n, ...job })))],
  );
  return rows.map((row) => Number(row.id));
}

describe('GET /jobs', () => {
  let suite: TestSuite;
  let api: TaskEngineClient;
  const ids = async (search: string): Promise<number[]> => {
    const answer = await api.get(`/jobs?${search}`);
    expect(answer).toMatchObject({ status: 200 });
    return answer.body.map((job: { id: number }) => job.id);
  };

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskEngineClient(suite.url);
  });

  beforeEach(() => query(suite.databaseUrl, 'TRUNCATE job CASCADE'));

  afterAll(() => suite?.stop());

  it('answers the last ten by default, newest first, and as many as limit or items say', async () => {
    const all = await insertJobs(
      suite.databaseUrl,
      Array.from({ length: 12 }, () => ({})),
    );
    const newest = [...all].reverse();
    expect(await ids('')).toEqual(newest.slice(0, 10));
    expect(await ids('asc=1')).toEqual(all.slice(0, 10));
    expect(await ids('limit=11')).toEqual(newest.slice(0, 11));
    expect(await ids('items=2')).toEqual(newest.slice(0, 2));
    expect(await ids('limit=1&items=2')).toEqual(newest.slice(0, 1));
    expect(await ids(`job_ids=${all.join(',')}`)).toEqual(newest);
    expect(await ids(`job_ids=${all[0]},999999999`)).toEqual([all[0]]);
  });

  it('orders by every property of a row', async () => {
    const [a, b, c] = await insertJobs(suite.databaseUrl, [
      {
        client: 'other-client',
        workflow: 'b',
        priority: 9,
        state: 'started',
        created_at: '2020-01-03',
        run_at: '2020-02-01',
      },
      {
        client: 'demo-client',
        workflow: 'c',
        priority: 1,
        state: 'completed',
        created_at: '2020-01-01',
        run_at: '2020-02-03',
      },
      {
        client: 'demo-client',
        workflow: 'a',
        priority: 5,
        state: 'failed',
        created_at: '2020-01-02',
        run_at: '2020-02-02',
      },
    ]);
    expect(await ids('order_by=id')).toEqual([c, b, a]);
    expect(await ids('order_by=client&asc=1')).toEqual([b, c, a]);
    expect(await ids('order_by=workflow&asc=1')).toEqual([c, a, b]);
    expect(await ids('order_by=priority&asc=1')).toEqual([b, c, a]);
    expect(await ids('order_by=created_at&asc=1')).toEqual([b, c, a]);
    expect(await ids('order_by=run_at&asc=0')).toEqual([b, c, a]);
    expect(await ids('order_by=queue_state&asc=1')).toEqual([b, c, a]);
    expect(await ids('order_by=failed')).toEqual([c, b, a]);
    for (const name of ['position', 'top_of_queue', 'updated_at'])
      expect(await ids(`order_by=${name}`)).toHaveLength(3);
  });

  it('filters by state and failure as the documents say', async () => {
    const states = ['queued', 'started', 'completed', 'pending', 'broken', 'scheduled', 'paused', 'failed'];
    const all = await insertJobs(
      suite.databaseUrl,
      states.map((state) => ({ state })),
    );
    const failed = all[7]!;
    for (const [number] of states.slice(0, 7).entries()) expect(await ids(`state=${number}`)).toEqual([all[number]]);
    expect(await ids('failed=1')).toEqual([failed]);
    expect(await ids('failed=true&state=2')).toEqual([failed]);
    expect(await ids('failed=1&state=4')).toEqual([]);
    expect(await ids('failed=0')).toEqual(all.slice(0, 7).reverse());
    expect(await ids('failed=0&state=2')).toEqual([all[2]]);
  });

  it('takes both ends of a range of creation times in', async () => {
    const [a, b, c] = await insertJobs(suite.databaseUrl, [
      { created_at: '2020-09-23T23:59:59.999999Z' },
      { created_at: '2020-09-24T11:55:33.755432Z' },
      { created_at: '2020-09-24T23:59:59.999999Z' },
    ]);
    expect(await ids('from=2020-09-24')).toEqual([c, b]);
    expect(await ids('to=2020-09-24')).toEqual([c, b, a]);
    expect(await ids('to=2020-09-23')).toEqual([a]);
    expect(await ids('from=2020-09-24&to=2020-09-24')).toEqual([c, b]);
    const { created_at } = (await api.get(`/jobs/${b}`)).body;
    expect(created_at).toBe('2020-09-24T11:55:33.755Z');
    expect(await ids(`from=${created_at}&to=${created_at}`)).toEqual([b]);
    expect(await ids('from=2020-09-24T11:55:33.756&to=2020-09-24T23:00:00.000')).toEqual([]);
    expect(await ids('from=2020-09-24T11:55:33&to=2020-09-24T11:55:33Z')).toEqual([b]);
    expect(await ids('from=2021-01-01&to=2020-01-01')).toEqual([]);
  });

  it('searches literal text anywhere in the parameters, whatever its case', async () => {
    const values = ['Asset_1', 'asset%2', 'quo"te', 'back\\slash', 'Ünïcode', 'line\nbreak', 'plain'];
    const all = await insertJobs(
      suite.databaseUrl,
      values.map((value, index) => ({
        submitted: index % 2 ? { content_id: value } : { clips: [{ source: `x${value}y` }] },
      })),
    );
    for (const [index, value] of values.entries()) {
      expect(await ids(`search=${encodeURIComponent(value)}`)).toEqual([all[index]]);
      expect(await ids(`search=${encodeURIComponent(value.toUpperCase())}`)).toEqual([all[index]]);
    }
    expect(await ids('search=t%25')).toEqual([all[1]]);
    expect(await ids('search=t_1')).toEqual([all[0]]);
    expect(await ids('search=%5C')).toEqual([all[3]]);
    expect(await ids('search=_')).toEqual([all[5], all[3], all[1], all[0]]);
    expect(await ids('search=nothing')).toEqual([]);
  });

  it('filters by client and by persist', async () => {
    const [a, b] = await insertJobs(suite.databaseUrl, [{ client: 'other-client' }, { persist: true }]);
    expect(await ids('client=other-client')).toEqual([a]);
    expect(await ids('client=nobody')).toEqual([]);
    expect(await ids('persist=1')).toEqual([b]);
    expect(await ids('persist=false')).toEqual([a]);
    expect(await ids('client=&state=&search=')).toEqual([b, a]);
  });

  it.each([
    'limit=0',
    'limit=-1',
    'limit=ten',
    'limit=10001',
    'limit=1&limit=2',
    'order_by=parameters',
    'order_by=id%3B%20DROP%20TABLE%20job',
    'asc=2',
    'state=7',
    'state=queued',
    'failed=perhaps',
    'from=2020-02-30',
    'to=never',
    'job_ids=1,two',
    'job_ids=9223372036854775808',
    'search=%00',
    'client=%00',
  ])('refuses ?%s and says what is wrong', async (search) => {
    const answer = await api.get(`/jobs?${search}`);
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(search.split('=')[0]!) } });
    expect(Object.keys(answer.body)).toEqual(['error']);
  });

  it('answers HEAD, 404 for unknown addresses and methods, 400 for unknown and impossible ids', async () => {
    const [id] = await insertJobs(suite.databaseUrl, [{}]);
    expect(await api.call('HEAD', `/jobs/${id}`)).toMatchObject({ status: 200, text: '' });
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['DELETE', `/jobs/${id}`],
      ['POST', '/health'],
    ] as const) {
      expect(await api.call(method, path)).toMatchObject({ status: 404, body: { error: 'Not found' } });
    }
    for (const wrong of [
      '0',
      '-1',
      'abc',
      '1.5',
      '999999999',
      '9223372036854775807',
      '9'.repeat(40),
      '1e3',
      '%00',
      '%ff',
    ]) {
      for (const path of [`/jobs/${wrong}`, `/logs/${wrong}`]) {
        expect(await api.get(path)).toMatchObject({ status: 400, body: { error: expect.any(String) } });
      }
    }
  });
});

describe('authentication and tenancy', () => {
  let suite: TestSuite;
  let api: TaskEngineClient;
  let other: TaskEngineClient;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskEngineClient(suite.url);
    other = new TaskEngineClient(suite.url, 'other-client');
  });

  afterAll(() => suite?.stop());

  const protectedRoutes = [
    ['GET', '/health'],
    ['POST', '/job'],
    ['PUT', '/jobs/1'],
    ['PUT', '/job/1'],
    ['PATCH', '/jobs/1'],
    ['POST', '/jobs/1/rerun'],
    ['POST', '/push_jobs'],
    ['GET', '/schedules'],
    ['PUT', '/scheduler'],
    ['POST', '/settings'],
  ] as const;

  it.each(protectedRoutes)('%s %s refuses whoever is not a client with its key', async (method, path) => {
    const body =
      method === 'GET' ? undefined : { client: 'demo-client', job: { workflow: 'noop' }, name: 'x', setting: '1' };
    for (const headers of [
      {},
      { client: 'demo-client' },
      { 'api-key': CLIENTS['demo-client'] },
      { client: 'demo-client', 'api-key': 'wrong' },
      { client: 'demo-client', 'api-key': CLIENTS['other-client'] },
      { client: 'nobody', 'api-key': CLIENTS['demo-client'] },
      { client: 'demo-client', 'api-key': '' },
    ] as Record<string, string>[]) {
      // a key without the header is complete once the body names the client
      if (Object.keys(headers).join() === 'api-key' && body) continue;
      const answer = await fetchJson(`${suite.url}${path}`, { method, headers, body });
      expect(answer).toMatchObject({ status: 401, body: { result: 'Unauthorised request.' } });
      expect(Object.keys(answer.body)).toEqual(['result']);
    }
    expect(await query(suite.databaseUrl, 'SELECT id FROM job')).toEqual([]);
  });

  it.each(['api-key', 'x-api-key', 'x-auth-key'])(
    'takes the key from the header %s and the client from the body',
    async (header) => {
      const answer = await fetchJson(`${suite.url}/job`, {
        headers: { [header]: CLIENTS['other-client'] },
        body: { client: 'other-client', job: { workflow: 'noop' }, parameters: {} },
      });
      expect(answer.status).toBe(200);
      expect(await api.job(answer.body.id)).toMatchObject({ client: 'other-client' });
    },
  );

  it('refuses a body that names another client than the header', async () => {
    const answer = await api.post('/job', { client: 'other-client', job: { workflow: 'noop' } });
    expect(answer).toMatchObject({ status: 401, body: { result: 'Unauthorised request.' } });
  });

  it('lets no client change another one’s job, and does not even tell that it is there', async () => {
    const id = await api.submit('noop', { content_id: 'mine' });
    const before = await api.job(id);
    for (const [method, path, body] of [
      ['PUT', `/jobs/${id}`, { queue_state: 'broken' }],
      ['PATCH', `/jobs/${id}`, { priority: 1 }],
      ['PUT', `/job/${id}`, { persist: true }],
      ['POST', `/jobs/${id}/rerun`, undefined],
    ] as const) {
      const foreign = await other.call(method, path, { body });
      const unknown = await other.call(method, path.replace(String(id), '999999999'), { body });
      expect(foreign.status).toBe(400);
      expect(foreign.text.replaceAll(String(id), '')).toBe(unknown.text.replaceAll('999999999', ''));
    }
    expect(await api.job(id)).toEqual(before);
  });
});

describe('REQUIRE_AUTH_FOR_READS', () => {
  let suite: TestSuite;
  let api: TaskEngineClient;
  let other: TaskEngineClient;

  beforeAll(async () => {
    suite = await startSuite({
      apps: ['api-gateway'],
      env: { BOOTSTRAP_CLIENTS: BOOTSTRAP, REQUIRE_AUTH_FOR_READS: 'true' },
    });
    api = new TaskEngineClient(suite.url);
    other = new TaskEngineClient(suite.url, 'other-client');
  });

  afterAll(() => suite?.stop());

  it('closes the reads and shows each client its own jobs only', async () => {
    const id = await api.submit('noop', { content_id: 'mine' });
    for (const path of ['/dashboard', '/jobs', `/jobs/${id}`, `/logs/${id}`]) {
      expect(await api.get(path)).toMatchObject({ status: 401, body: { result: 'Unauthorised request.' } });
      expect((await api.call('GET', path)).status).toBe(200);
    }
    expect((await api.get('/')).status).toBe(200);
    for (const search of ['', '?client=demo-client', `?job_ids=${id}`, '?search=mine']) {
      expect((await other.call('GET', `/jobs${search}`)).body).toEqual([]);
    }
    expect((await other.call('GET', '/dashboard?client=demo-client')).body).toMatchObject({ queued: [] });
    for (const path of [`/jobs/${id}`, `/logs/${id}`]) {
      expect(await other.call('GET', path)).toMatchObject({ status: 400, body: { error: `Unknown job: ${id}` } });
    }
    expect((await api.call('GET', '/jobs')).body).toMatchObject([{ id }]);
  });
});
