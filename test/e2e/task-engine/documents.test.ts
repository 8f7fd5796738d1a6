import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { fetchJson } from '../../support/fetch-json';
import { BOOTSTRAP, TaskEngineClient } from './task-engine-client';

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

describe('the endpoints of both published editions, against the five processes', () => {
  let suite: TestSuite;
  let api: TaskEngineClient;

  beforeAll(async () => {
    suite = await startSuite({ env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskEngineClient(suite.url);
  });

  afterAll(() => suite?.stop());

  const finished = (id: number) =>
    eventually(
      async () => {
        const job = await api.job(id);
        expect(job.queue_state).toBe('completed');
        return job;
      },
      { timeout: 30_000 },
    );

  it('GET / is alive without authentication', async () => {
    expect(await api.get('/')).toMatchObject({ status: 200, body: { result: 'alive' } });
  });

  it('GET /health has the documented keys and live workers of every queue', async () => {
    const { status, body } = await eventually(async () => {
      const answer = await api.call('GET', '/health');
      for (const name of Object.keys(answer.body.queues)) expect(answer.body.queues[name].workers).toBeGreaterThan(0);
      return answer;
    });
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['version', 'databases', 'queues', 'tasks', 'jobs']);
    expect(body.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(body.databases).toEqual({ redis: 'OK', postgres: 'OK' });
    expect(Object.keys(body.queues)).toEqual(['windows_capture', 'scheduler', 'work', 'controller', 'callback']);
    for (const queue of Object.values(body.queues))
      expect(Object.keys(queue as object)).toEqual(['workers', 'working', 'pending']);
    expect(Object.keys(body.tasks)).toEqual(['failed', 'pending', 'processed']);
    expect(Object.keys(body.jobs)).toEqual([
      'completed',
      'failed',
      'pending',
      'broken',
      'queued',
      'started',
      'scheduled',
      'paused',
      'max_jobs',
      'priority_slots',
    ]);
    expect(body.jobs).toMatchObject({ max_jobs: 2, priority_slots: 0 });
  });

  it('POST /job accepts, runs and shows a job', async () => {
    const parameters = {
      content_id: 'a40fdaff-f904-4ea5-b893-a89152708952',
      custom_data: { key: 'value' },
      rest_endpoints: [],
    };
    const answer = await api.post('/job', { client: 'demo-client', job: { workflow: 'noop' }, parameters });
    expect(answer).toMatchObject({ status: 200, body: { id: expect.stringMatching(/^\d+$/), result: 'accepted' } });
    expect(Object.keys(answer.body)).toEqual(['id', 'result']);
    const job = await finished(Number(answer.body.id));
    expect(job).toEqual({
      id: Number(answer.body.id),
      client: 'demo-client',
      workflow: 'noop',
      priority: 5,
      position: 1,
      top_of_queue: false,
      parameters,
      created_at: expect.stringMatching(ISO),
      updated_at: expect.stringMatching(ISO),
      queue_state: 'completed',
      failed: false,
      run_at: expect.stringMatching(ISO),
    });
    const list = await api.get(`/jobs?limit=3&client=demo-client&state=2&search=${parameters.content_id}`);
    const { top_of_queue: _, ...row } = job;
    expect(list).toMatchObject({ status: 200 });
    expect(list.body).toEqual([row]);
  });

  it('shows a failed job as completed with failed set', async () => {
    await api.post('/settings', { name: 'retry_delay', setting: '0' });
    const id = await api.submit('fail', { message: 'as asked' });
    expect(await finished(id)).toMatchObject({ failed: true });
    const ids = async (search: string) => (await api.get(`/jobs?${search}`)).body.map((job: { id: number }) => job.id);
    expect(await ids('failed=1')).toContain(id);
    expect(await ids('failed=1&state=2')).toContain(id);
    expect(await ids('state=2')).not.toContain(id);
    expect(await ids('failed=1&state=1')).toEqual([]);
    expect((await api.call('GET', '/health')).body).toMatchObject({ jobs: { failed: 1 }, tasks: { failed: 1 } });
  });

  it('POST /job refuses with an id of its own', async () => {
    const before = await api.submit('noop');
    for (const body of [{ job: {} }, { job: { workflow: 'nonsense' } }, { job: { workflow: 'sleep' } }, '{"job":']) {
      const answer = await api.post('/job', body);
      expect(answer.status).toBe(400);
      expect(Object.keys(answer.body)).toEqual(['id', 'error']);
      expect(Number(answer.body.id)).toBeGreaterThan(before);
      expect((await api.get(`/jobs/${answer.body.id}`)).status).toBe(400);
    }
  });

  it('GET /logs shows the rows of the sample, the key masked', async () => {
    const id = await api.submit('steps', { count: 2, content_id: 'log-sample' });
    await finished(id);
    const { status, body } = await api.get(`/logs/${id}`);
    expect(status).toBe(200);
    for (const row of body) {
      expect(row).toEqual({
        id: expect.any(Number),
        job_id: id,
        severity: expect.any(Number),
        severity_description: expect.stringMatching(/^(DEBUG|INFO|WARN|ERROR|FATAL|UNKNOWN)$/),
        progname: expect.stringMatching(/^(api|worker|controller|callback)$/),
        message: expect.any(String),
        created_at: expect.stringMatching(ISO),
        updated_at: expect.stringMatching(ISO),
        task_id: expect.any(Number),
        visible: true,
      });
    }
    expect(body.map((row: { id: number }) => row.id)).toEqual([...body].map((row) => row.id).sort((a, b) => a - b));
    expect(body[0]).toMatchObject({ severity: 1, severity_description: 'INFO', progname: 'api', task_id: 0 });
    const request = JSON.parse(body[0].message);
    expect(request).toMatchObject({
      path: 'POST /job',
      remote_addr: expect.any(String),
      headers: { HTTP_VERSION: 'HTTP/1.1', HTTP_CLIENT: 'demo-client', HTTP_API_KEY: '****-key' },
      parameters: {
        client: 'demo-client',
        job: { workflow: 'steps' },
        parameters: { count: 2, content_id: 'log-sample' },
      },
      payload: 'job_created',
    });
    const said = body.map((row: { progname: string; message: string }) => `${row.progname}: ${row.message}`);
    expect(said).toEqual(
      expect.arrayContaining([
        'worker: No client definitions. Using common definitions.',
        "worker: Task 'step_1' started",
        "worker: 'step_1' completed successfully",
        "worker: Task 'step_2' started",
        "worker: 'step_2' completed successfully",
        'controller: job has completed successfully',
      ]),
    );
    const hidden = await api.get(`/logs/${id}?show_all=1`);
    expect(hidden.body.length).toBeGreaterThanOrEqual(body.length);
  });

  it.each([
    ['PUT', '/jobs'],
    ['PUT', '/job'],
    ['PATCH', '/jobs'],
  ])('%s %s/:id performs the sample update', async (method, path) => {
    const id = await api.submit('noop', {}, { run_at: '2037-01-01T00:00:00.000' });
    expect(await api.job(id)).toMatchObject({ queue_state: 'scheduled', run_at: '2037-01-01T00:00:00.000Z' });
    const body = { client: 'demo-client', priority: '2', run_at: '2038-09-09T14:30:00.000' };
    const answer = await api.call(method, `${path}/${id}`, { body });
    expect(answer).toMatchObject({
      status: 200,
      body: { id: String(id), result: 'Performed updates: priority, run_at' },
    });
    expect(await api.job(id)).toMatchObject({
      priority: 2,
      run_at: '2038-09-09T14:30:00.000Z',
      queue_state: 'scheduled',
    });
  });

  it('PUT /jobs/:id pauses, resumes and breaks', async () => {
    const id = await api.submit('noop', {}, { run_at: '2037-01-01T00:00:00.000' });
    for (const [asked, shown] of [
      ['paused', 'paused'],
      ['queued', 'scheduled'],
      ['broken', 'broken'],
    ]) {
      expect(await api.put(`/jobs/${id}`, { queue_state: asked })).toMatchObject({ status: 200 });
      expect(await api.job(id)).toMatchObject({ queue_state: shown });
    }
    const refused = await api.put(`/jobs/${id}`, { queue_state: 'paused' });
    expect(refused).toMatchObject({ status: 400, body: { id: String(id), error: expect.stringContaining('broken') } });
  });

  it('PUT takes the semaphore in both spellings, and a job with one waits', async () => {
    const id = await api.submit('noop', {}, { semaphore_url: 'http://127.0.0.1:9/closed' });
    expect(await api.job(id)).toMatchObject({ queue_state: 'scheduled' });
    const url = 'http://127.0.0.1:9/still-closed';
    expect((await api.put(`/jobs/${id}`, { sempahore_url: url })).body.result).toBe('Performed updates: sempahore_url');
    expect((await api.put(`/jobs/${id}`, { semaphore_url: url })).body.result).toBe('Performed updates: semaphore_url');
    await api.put(`/jobs/${id}`, { semaphore_url: null });
    await finished(id);
  });

  it('a past run_at of an update runs the job now', async () => {
    const id = await api.submit('noop', {}, { run_at: '2037-01-01T00:00:00.000' });
    await api.put(`/jobs/${id}`, { run_at: '2020-09-09T14:30:00.000' });
    const job = await finished(id);
    expect(Date.parse(job.run_at)).toBeGreaterThan(Date.parse(job.created_at) - 1);
  });

  it('POST /jobs/:id/rerun makes a new job of the same parameters and breaks the original', async () => {
    const id = await api.submit('noop', { content_id: 'again' }, { priority: 3 });
    await finished(id);
    const answer = await api.call('POST', `/jobs/${id}/rerun`);
    expect(answer).toMatchObject({ status: 200, body: { id: expect.stringMatching(/^\d+$/), result: 'accepted' } });
    expect(Number(answer.body.id)).not.toBe(id);
    expect(await finished(Number(answer.body.id))).toMatchObject({
      workflow: 'noop',
      priority: 3,
      parameters: { content_id: 'again' },
    });
    expect(await api.job(id)).toMatchObject({ queue_state: 'broken' });
  });

  it('GET /dashboard lists started, queued and scheduled jobs in their orders', async () => {
    await api.post('/settings', { name: 'max_jobs', setting: '1' });
    const running = await api.submit('sleep', { seconds: 3600 });
    await eventually(async () => expect(await api.job(running)).toMatchObject({ queue_state: 'started' }));
    const low = await api.submit('noop', {}, { priority: 9 });
    const high = await api.submit('noop', {}, { priority: '1' });
    const later = await api.submit('noop', {}, { run_at: '2039-01-01T00:00:00' });
    const sooner = await api.submit('noop', {}, { run_at: '2036-06-19T17:00:30.000' });

    const { status, body } = await fetchJson(`${suite.url}/dashboard`, { headers: { client: 'demo-client' } });
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['max_jobs', 'priority_slots', 'started', 'queued', 'scheduled', 'version']);
    expect(body).toMatchObject({ max_jobs: 1, priority_slots: 0 });
    const ids = (list: { id: number }[]) => list.map((job) => job.id);
    expect(ids(body.started)).toEqual([running]);
    expect(ids(body.queued)).toEqual([high, low]);
    expect(ids(body.scheduled)[0]).toBe(sooner);
    expect(ids(body.scheduled).at(-1)).toBe(later);
    expect(Object.keys(body.started[0])).toEqual([
      'id',
      'client',
      'workflow',
      'priority',
      'position',
      'created_at',
      'updated_at',
      'queue_state',
      'failed',
      'run_at',
    ]);
    for (const path of ['/dashboard?client=nobody', '/dashboard?client=other-client']) {
      expect((await api.get(path)).body).toMatchObject({ started: [], queued: [], scheduled: [] });
    }
    expect(await api.call('POST', '/push_jobs')).toMatchObject({ status: 200 });
    expect(await api.job(low)).toMatchObject({ queue_state: 'queued' });

    await api.post('/settings', { name: 'max_jobs', setting: 4 });
    await finished(high);
    await finished(low);
    await api.put(`/jobs/${running}`, { queue_state: 'broken' });
  });

  it('GET /schedules and PUT /scheduler switch the scheduler off and on', async () => {
    const shown = {
      result: 'ok',
      schedules: {
        queue_scheduled_jobs: {
          class: 'QueueJobs',
          every: [60, { first_in: 5 }],
          queue: 'scheduler',
          description: 'Enqueues scheduled jobs that have a run_at time in the past.',
        },
      },
    };
    expect((await api.call('GET', '/schedules')).body).toEqual(shown);
    const off = await api.put('/scheduler', { schedule: 'queue_scheduled_jobs', active: false });
    expect(off).toMatchObject({ status: 200, body: { result: 'ok', schedules: [] } });
    expect((await api.call('GET', '/schedules')).body).toEqual({ result: 'ok', schedules: {} });
    const waiting = await api.submit('noop', {}, { run_at: new Date(Date.now() + 300).toISOString().replace('Z', '') });

    const on = await api.call('PUT', '/scheduler', {
      body: '{"schedule":"queue_scheduled_jobs","active":"true"}',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(on).toMatchObject({ status: 200, body: { result: 'ok', schedules: ['queue_scheduled_jobs'] } });
    await finished(waiting);
    await api.post('/settings', { name: 'schedule_interval', setting: '30' });
    expect((await api.call('GET', '/schedules')).body.schedules.queue_scheduled_jobs.every[0]).toBe(30);
  });

  it('POST /settings answers with the documented message, for own names too', async () => {
    for (const [name, setting] of [
      ['max_jobs', '4'],
      ['priority_slots', 1],
      ['priority_threshold', '5'],
      ['retry_limit', '0'],
      ['something_new', 'any text'],
      ['constructor', 'a name like any other'],
    ]) {
      const answer = await api.post('/settings', { name, setting });
      expect(answer).toMatchObject({ status: 200, body: { result: 'ok', message: `${name} setting created/updated` } });
    }
    expect((await api.get('/dashboard')).body).toMatchObject({ max_jobs: 4, priority_slots: 1 });
  });

  it('serves its OpenAPI document and a page for it without foreign assets', async () => {
    const { status, body } = await api.get('/openapi/task-engine.json');
    expect(status).toBe(200);
    expect(body).toMatchObject({ openapi: expect.stringMatching(/^3\./), paths: { '/job': { post: {} } } });
    const page = await api.get('/docs');
    expect(page.status).toBe(200);
    expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
    for (const [, asset] of page.text.matchAll(/(?:src|href)="\.\/(docs\/[^"]+\.(?:js|css))"/g)) {
      expect((await api.get(`/${asset}`)).status).toBe(200);
    }
  });
});
