import { randomUUID } from 'node:crypto';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { FastlaneClient, HTML, ISO, type Shown, UUID } from './fastlane-client';

/** Every request of the published document, against the five processes. */
describe('the requests of the document', () => {
  let suite: TestSuite;
  let api: FastlaneClient;
  const iso = expect.stringMatching(ISO);
  const uuid = expect.stringMatching(UUID);
  const noLists = { fails: [], finishes: [], succeeds: [] };

  /** The document's body, with a command that does on this machine what the document shows. */
  const payload = {
    image: 'task1:latest',
    command: `sh -c 'echo total 72K; echo some error message >&2'`,
    envs: { SMTP_SERVER: 'my-smtp-server' },
    metadata: { username: 'heynemann' },
    retries: 3,
  };

  beforeAll(async () => {
    suite = await startSuite({ env: { FASTLANE_EXECUTOR: 'host' } });
    api = new FastlaneClient(suite.url);
  });

  afterAll(() => suite?.stop());

  const taskUrl = (task: string) => `${suite.url}/tasks/${task}/`;
  const jobUrl = ({ taskId, jobId }: Shown) => `${taskUrl(taskId)}jobs/${jobId}/`;

  it('get all tasks: none at first, then those with jobs, the oldest first', async () => {
    expect((await api.get('/tasks/')).body).toEqual({
      items: [],
      total: 0,
      page: 1,
      pages: 0,
      perPage: 10,
      hasNext: false,
      hasPrev: false,
      nextUrl: null,
      prevUrl: null,
    });
    await api.enqueue('first-task');
    await api.enqueue('test-wrkng');
    await api.enqueue('test-wrkng');
    const { status, body } = await api.get('/tasks/');
    expect(status).toBe(200);
    expect(body).toMatchObject({ total: 2, pages: 1 });
    expect(body.items).toEqual([
      { taskId: 'first-task', jobsCount: 1, createdAt: iso, lastModifiedAt: iso, url: taskUrl('first-task') },
      { taskId: 'test-wrkng', jobsCount: 2, createdAt: iso, lastModifiedAt: iso, url: taskUrl('test-wrkng') },
    ]);
  });

  it('enqueue job, and its details, its outputs and its execution', async () => {
    const enqueued = await api.post('/tasks/enqueue/', payload);
    const { jobId, executionId } = enqueued.body;
    expect(enqueued.status).toBe(200);
    expect(enqueued.headers['content-type']).toBe('application/json');
    expect(enqueued.body).toEqual({
      taskId: 'enqueue',
      jobId: uuid,
      executionId: uuid,
      queueJobId: uuid,
      executionUrl: `${taskUrl('enqueue')}jobs/${jobId}/executions/${executionId}/`,
      jobUrl: jobUrl(enqueued.body),
      taskUrl: taskUrl('enqueue'),
    });

    const execution = await api.reached(enqueued.body);
    const shown = {
      executionId,
      createdAt: iso,
      requestIPAddress: '127.0.0.1',
      startedAt: iso,
      finishedAt: iso,
      image: 'task1:latest',
      command: payload.command,
      metadata: { docker_host: expect.any(String), docker_port: 0, container_id: expect.any(String) },
      status: 'done',
      exitCode: 0,
      log: 'total 72K\n',
      error: 'some error message\n',
    };
    expect(execution).toEqual({ ...shown, url: enqueued.body.executionUrl });

    for (const word of ['jobs', 'job']) {
      const job = `/tasks/enqueue/${word}/${jobId}/`;
      const details = await api.get(job);
      expect(details.status).toBe(200);
      expect(details.body).toEqual({
        task: { id: 'enqueue', url: taskUrl('enqueue') },
        job: {
          taskId: 'enqueue',
          image: 'task1:latest',
          command: payload.command,
          createdAt: iso,
          lastModifiedAt: iso,
          scheduled: false,
          executionCount: 1,
          requestIPAddress: '127.0.0.1',
          metadata: {
            additional_dns_entries: [],
            custom: { username: 'heynemann' },
            enqueued_id: enqueued.body.queueJobId,
            envs: { SMTP_SERVER: 'my-smtp-server' },
            notify: noLists,
            retries: 3,
            retry_count: 0,
            timeout: 1800,
            webhooks: noLists,
          },
          executions: [execution],
        },
      });
      const texts = {
        stdout: 'total 72K\n',
        stderr: 'some error message\n',
        logs: 'total 72K\n\n-=-\nsome error message\n',
      };
      for (const [name, text] of Object.entries(texts)) {
        for (const path of [`${job}${name}/`, `${job}executions/${executionId}/${name}/`]) {
          const answer = await api.get(path);
          expect([answer.status, answer.text]).toEqual([200, text]);
          expect(answer.headers).toMatchObject({ 'content-type': HTML, 'fastlane-exit-code': '0' });
        }
      }
      expect((await api.get(`${job}executions/${executionId}/`)).body).toEqual({
        task: { id: 'enqueue', url: taskUrl('enqueue') },
        job: { id: jobId, url: jobUrl(enqueued.body) },
        execution: shown,
      });
    }
  });

  it('enqueue or update job: creates it under its id, then changes it', async () => {
    const jobId = randomUUID();
    const created = await api.call('PUT', `/tasks/put/jobs/${jobId.toUpperCase().replaceAll('-', '')}/`, {
      body: payload,
    });
    expect(created).toMatchObject({ status: 200, body: { jobId, taskId: 'put', executionId: uuid } });
    await api.reached(created.body);
    const before = await api.job(created.body);
    const updated = await api.call('PUT', `/tasks/put/job/${jobId}`, {
      body: { image: 'other', command: 'sleep 0', retries: 0 },
    });
    expect(updated).toMatchObject({ status: 200, body: { jobId } });
    expect(updated.body.executionId).not.toBe(created.body.executionId);
    const job = await api.job(created.body);
    expect(job).toMatchObject({
      image: 'other',
      command: 'sleep 0',
      createdAt: before.createdAt,
      executionCount: 2,
      metadata: { retries: 0, enqueued_id: updated.body.queueJobId },
    });
    expect(job.executions.map((each: Shown) => each.executionId)).toEqual([
      updated.body.executionId,
      created.body.executionId,
    ]);
    // under the same id in another task it is another job
    expect((await api.call('PUT', `/tasks/put-2/jobs/${jobId}`, { body: payload })).body.jobId).toBe(jobId);
    expect((await api.job({ taskId: 'put-2', jobId })).executionCount).toBe(1);
  });

  it('task details: the job that changed last comes first', async () => {
    const one = await api.enqueue('details');
    const two = await api.enqueue('details');
    await api.reached(one);
    await api.reached(two);
    await api.call('PUT', `/tasks/details/jobs/${one.jobId}/`, { body: { image: 'ubuntu', command: 'true' } });
    const { status, body } = await api.get('/tasks/details/');
    expect(status).toBe(200);
    expect(body).toEqual({
      taskId: 'details',
      jobs: [one, two].map((job) => ({ id: job.jobId, createdAt: iso, url: jobUrl(job) })),
    });
  });

  it('stop job: the execution fails at once, and twice is as good as once', async () => {
    const enqueued = await api.enqueue('stop', { command: 'sleep 100', retries: 3 });
    await api.reached(enqueued, 'running');
    const summary = { taskId: 'stop', jobId: enqueued.jobId, jobUrl: jobUrl(enqueued), taskUrl: taskUrl('stop') };
    const stopped = await api.post(`/tasks/stop/job/${enqueued.jobId}/stop/`);
    expect([stopped.status, stopped.body]).toEqual([200, summary]);
    expect((await api.job(enqueued)).executions[0]).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('User stopped job execution manually.'),
    });
    expect((await api.post(`/tasks/stop/jobs/${enqueued.jobId}/stop`)).body).toEqual(summary);
  });

  it('stop job execution', async () => {
    const enqueued = await api.enqueue('stop-one', { command: 'sleep 100' });
    await api.reached(enqueued, 'running');
    const execution = { id: enqueued.executionId, url: enqueued.executionUrl };
    const parents = {
      task: { id: 'stop-one', url: taskUrl('stop-one') },
      job: { id: enqueued.jobId, url: jobUrl(enqueued) },
    };
    const answer = await api.post(`/tasks/stop-one/job/${enqueued.jobId}/executions/${execution.id}/stop/`);
    expect([answer.status, answer.body]).toEqual([200, { ...parents, execution }]);
    expect((await api.reached(enqueued, 'failed')).error).toContain('User stopped job execution manually.');
  });

  it('retry job: the last execution runs again', async () => {
    const enqueued = await api.enqueue('retry', { command: 'echo again' });
    await api.reached(enqueued);
    const answer = await api.post(`/tasks/retry/jobs/${enqueued.jobId}/retry/`);
    expect([answer.status, answer.body]).toEqual([
      200,
      { taskId: 'retry', jobId: enqueued.jobId, jobUrl: jobUrl(enqueued), taskUrl: taskUrl('retry') },
    ]);
    const job = await api.job(enqueued);
    expect(job.executionCount).toBe(2);
    expect(job.executions[0].executionId).not.toBe(enqueued.executionId);
    expect(await api.reached(enqueued, 'done')).toMatchObject({ log: 'again\n', requestIPAddress: null });
  });

  it('a job that is to run later has no execution yet, and cannot be retried or read', async () => {
    for (const fields of [
      { startIn: '1h' },
      { startAt: Math.floor(Date.now() / 1000) + 3600 },
      { startAt: `${Math.floor(Date.now() / 1000) + 3600}.5` },
      { cron: '0 0 1 1 *' },
    ]) {
      const enqueued = await api.enqueue('later', fields);
      expect(enqueued).toMatchObject({ executionId: null, executionUrl: null, queueJobId: uuid });
      const job = await api.job(enqueued);
      expect(job).toMatchObject({ scheduled: 'cron' in fields, executionCount: 0, executions: [] });
      const path = `/tasks/later/jobs/${enqueued.jobId}`;
      expect((await api.get(`${path}/logs/`)).body).toEqual({
        error: `No executions found in job (${enqueued.jobId}).`,
        operation: 'retrieve_execution_details',
      });
      const retried = await api.post(`${path}/retry/`);
      expect(retried.status).toBe(400);
      expect(retried.body).toEqual({ error: 'No execution yet to retry.', operation: 'retry_job' });
    }
  });

  it('shows 20 executions on a page, newest first', async () => {
    const enqueued = await api.enqueue('many');
    for (let n = 0; n < 22; n += 1) {
      await api.reached(enqueued);
      expect((await api.post(`/tasks/many/jobs/${enqueued.jobId}/retry/`)).status).toBe(200);
    }
    await api.reached(enqueued);
    const page = async (n: string) => (await api.get(`/tasks/many/jobs/${enqueued.jobId}/?page=${n}`)).body.job;
    const [first, second, third] = [await page('1'), await page('2'), await page('3')];
    expect([first, second, third].map((job) => [job.executionCount, job.executions.length])).toEqual([
      [23, 20],
      [23, 3],
      [23, 0],
    ]);
    const times = [...first.executions, ...second.executions].map((each: Shown) => each.createdAt);
    expect(times).toEqual([...times].sort().reverse());
    expect(second.executions[2].executionId).toBe(enqueued.executionId);
  }, 60_000);

  it('search finds whole words of names', async () => {
    for (const task of ['billing-report', 'billing-export', 'other']) await api.enqueue(task);
    const found = async (query: string) =>
      (await api.get(`/search/?query=${encodeURIComponent(query)}`)).body.items.map((item: Shown) => item.taskId);
    expect((await found('billing')).sort()).toEqual(['billing-export', 'billing-report']);
    expect(await found('REPORT')).toEqual(['billing-report']);
    expect(await found('report-export')).toHaveLength(2);
    expect(await found('bil repor')).toEqual([]);
    expect((await api.get('/search/?query=nothing%20here')).body).toMatchObject({ total: 0, pages: 0, items: [] });
  });

  it('farm status', async () => {
    const cron = await api.enqueue('status', { cron: '0 0 1 1 *', envs: { API_KEY: 'hidden', MODE: 'x' } });
    // the worker tells what it runs commands with soon after its start
    const { status, body, text } = await eventually(async () => {
      const answer = await api.get('/status/');
      expect(answer.body.fastlane).toEqual({ executor: 'fastlane.worker.host', version: '2.2.4' });
      return answer;
    });
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['containers', 'fastlane', 'hosts', 'jobs', 'queues', 'tasks']);
    expect(body.jobs.count).toBeGreaterThan(0);
    expect(body.tasks.count).toBeGreaterThan(0);
    expect(body.queues).toEqual({
      jobs: { length: expect.any(Number) },
      monitor: { length: expect.any(Number) },
      webhooks: { length: expect.any(Number) },
      notify: { length: expect.any(Number) },
      scheduled: { length: expect.any(Number), nextTimeStamp: expect.any(Number), nextHumanReadableDate: iso },
    });
    const job = body.jobs.scheduled.find((each: Shown) => each.url === jobUrl(cron));
    expect(job).toMatchObject({
      nextScheduledAt: expect.stringMatching(/-01-01T00:00:00$/),
      stopUrl: `${jobUrl(cron)}stop/`,
      metadata: { cron: '0 0 1 1 *', envs: { API_KEY: '***', MODE: 'x' } },
    });
    expect(text).not.toContain('hidden');
    await api.post(`/tasks/status/jobs/${cron.jobId}/stop/`);
    expect((await api.get('/status/')).text).not.toContain(cron.jobId);
  });

  it('healthcheck', async () => {
    const answer = await api.get('/healthcheck');
    expect([answer.status, answer.text]).toEqual([200, '{"errors":[],"mongo":true,"redis":true}\n']);
  });

  it('the same Idempotency-Key enqueues once', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const send = (body: object) => api.post('/tasks/once/', body, { headers });
    const first = await send(payload);
    expect((await send(payload)).body).toEqual(first.body);
    expect((await api.get('/tasks/once/')).body.jobs).toHaveLength(1);
    expect(await send({ ...payload, retries: 0 })).toMatchObject({
      status: 422,
      text: 'This Idempotency-Key was used for another request',
    });
    expect((await api.get('/tasks/once/')).body.jobs).toHaveLength(1);
  });
});
