import { LongText } from '@task-engine/engine';
import { presentExecutionDetails, presentStoppedExecution, presentText } from './execution.presenter';
import { partsOf } from './joined';
import { presentEnqueued, presentJobDetails, presentJobSummary } from './job.presenter';
import { presentPage, presentTaskDetails } from './task.presenter';
import { command, CONTAINER, JOB, JOB_URL, links, noLists, run, RUN, TASK, TASK_URL } from './views.fixture';

/** The document's execution, with the keys of the last edition. */
const documented = {
  executionId: RUN,
  requestIPAddress: '127.0.0.1',
  command: 'ls -lah',
  createdAt: '2019-01-17T15:13:02.754000',
  error: '',
  exitCode: 0,
  finishedAt: '2019-01-17T15:13:16.298000',
  image: 'task1',
  log: 'total 72K\n',
  metadata: { container_id: CONTAINER, docker_host: 'localhost', docker_port: 1234 },
  startedAt: '2019-01-17T15:13:10.999000',
  status: 'done',
};

const documentedLists = { fails: [], finishes: [], succeeds: [] };

describe('task presenters', () => {
  const task = {
    name: TASK,
    createdAt: new Date('2019-01-17T15:13:02.644Z'),
    commandAddedAt: new Date('2019-01-17T15:17:43Z'),
    commands: 2,
  };

  it('shows a page as the document does', () => {
    const page = presentPage({ items: [task], total: 1 }, { page: 1, perPage: 10 }, links, (n) => links.tasks(n));
    expect(page).toStrictEqual({
      hasNext: false,
      hasPrev: false,
      items: [
        {
          createdAt: '2019-01-17T15:13:02.644000',
          jobsCount: 2,
          lastModifiedAt: '2019-01-17T15:17:43',
          taskId: TASK,
          url: TASK_URL,
        },
      ],
      nextUrl: null,
      page: 1,
      pages: 1,
      perPage: 10,
      prevUrl: null,
      total: 1,
    });
  });

  it('leads to the pages beside it', () => {
    const page = (number: number, total: number) =>
      presentPage({ items: [], total }, { page: number, perPage: 10 }, links, (n) => links.search('a b', n));
    expect(page(2, 28)).toMatchObject({
      pages: 3,
      hasNext: true,
      hasPrev: true,
      nextUrl: 'http://localhost:10000/search/?query=a%20b&page=3',
      prevUrl: 'http://localhost:10000/search/?query=a%20b&page=1',
    });
    expect(page(3, 28)).toMatchObject({ hasNext: false, nextUrl: null });
    expect(page(1, 0)).toMatchObject({ pages: 0, total: 0, hasNext: false, hasPrev: false });
  });

  it('shows the jobs of a task', () => {
    const commands = [{ uuid: JOB, createdAt: new Date('2019-01-17T15:13:02.614Z') }];
    expect(presentTaskDetails({ name: TASK, commands }, links)).toStrictEqual({
      taskId: TASK,
      jobs: [{ id: JOB, createdAt: '2019-01-17T15:13:02.614000', url: JOB_URL }],
    });
  });
});

describe('job presenters', () => {
  it('shows a job as the document does', () => {
    expect(presentJobDetails(command(), [run()], links, ['key'])).toStrictEqual({
      job: {
        command: 'ls -lah',
        image: 'task1',
        createdAt: '2019-01-17T15:13:02.614000',
        executionCount: 1,
        executions: [{ ...documented, url: `${JOB_URL}executions/${RUN}/` }],
        lastModifiedAt: '2019-01-17T15:13:16.298000',
        requestIPAddress: '127.0.0.1',
        metadata: {
          additional_dns_entries: [],
          enqueued_id: 'ba17fb94-9d5b-463b-9e1e-0a572c8f8380',
          envs: {},
          notify: documentedLists,
          retries: 0,
          retry_count: 0,
          timeout: 1800,
          webhooks: documentedLists,
        },
        scheduled: false,
        taskId: TASK,
      },
      task: { id: TASK, url: TASK_URL },
    });
  });

  it('shows what was asked for where something was, and no secret', () => {
    const { job } = presentJobDetails(
      command(
        { scheduled: true },
        {
          environment: { API_KEY: 'hidden', MODE: 'fast' },
          extraHosts: [['db', '10.0.0.12']],
          custom: { user: 1 },
          expiration: new Date(1_900_000_000_000),
          cron: '*/5 * * * *',
          timezone: 'Europe/Berlin',
          memoryBytes: 268_435_456,
          cpus: 0.5,
          keptRuns: 3,
          retryPull: true,
          notify: { ...noLists(), fails: ['a@b.example'] },
          webhooks: {
            ...noLists(),
            starts: [
              {
                url: 'http://user:pass@hook.example/x?token=abc',
                headers: { Authorization: 'hidden', 'X-A': '1' },
                retries: 2,
              },
            ],
          },
        },
      ),
      [],
      links,
      ['key'],
    );
    expect(job.metadata).toStrictEqual({
      additional_dns_entries: [['db', '10.0.0.12']],
      cpus: 0.5,
      cron: '*/5 * * * *',
      custom: { user: 1 },
      enqueued_id: 'ba17fb94-9d5b-463b-9e1e-0a572c8f8380',
      envs: { API_KEY: '***', MODE: 'fast' },
      expiration: 1_900_000_000,
      maxKeptExecutions: 3,
      memory: 268_435_456,
      notify: { ...documentedLists, fails: ['a@b.example'] },
      retries: 0,
      retryOnPullFailure: true,
      retry_count: 0,
      timeout: 1800,
      timezone: 'Europe/Berlin',
      webhooks: {
        ...documentedLists,
        starts: [
          {
            url: 'http://****@hook.example/x?token=****',
            headers: { Authorization: '***', 'X-A': '1' },
            retries: 2,
          },
        ],
      },
    });
    expect(JSON.stringify(job)).not.toContain('hidden');
  });

  it('answers an enqueue with the five keys of the document and two more', () => {
    const summary = { taskId: TASK, jobId: JOB, jobUrl: JOB_URL, taskUrl: TASK_URL };
    expect(presentJobSummary(TASK, JOB, links)).toStrictEqual(summary);
    const answer = presentEnqueued(TASK, { uuid: JOB, runUuid: RUN, queueId: 'q' }, links);
    expect(answer).toStrictEqual({
      ...summary,
      queueJobId: 'q',
      executionId: RUN,
      executionUrl: `${JOB_URL}executions/${RUN}/`,
    });
    expect(presentEnqueued(TASK, { uuid: JOB, runUuid: null, queueId: 'q' }, links)).toStrictEqual({
      ...summary,
      queueJobId: 'q',
      executionId: null,
      executionUrl: null,
    });
  });
});

describe('execution presenters', () => {
  const parents = { task: { id: TASK, url: TASK_URL }, job: { id: JOB, url: JOB_URL } };

  it('shows an execution as the document does', () => {
    expect(presentExecutionDetails(TASK, JOB, run(), links)).toStrictEqual({ ...parents, execution: documented });
    expect(presentStoppedExecution(TASK, JOB, RUN, links)).toStrictEqual({
      ...parents,
      execution: { id: RUN, url: `${JOB_URL}executions/${RUN}/` },
    });
  });

  it('shows nothing of a run that has not started', () => {
    const waiting = run({
      state: 'waiting',
      startedAt: null,
      finishedAt: null,
      exitCode: null,
      place: null,
      stdout: '',
    });
    expect(presentExecutionDetails(TASK, JOB, waiting, links).execution).toMatchObject({
      status: 'enqueued',
      startedAt: null,
      finishedAt: null,
      exitCode: null,
      metadata: {},
      log: null,
      error: null,
    });
  });

  it('shows a run as failed as soon as its client has stopped it, and says so', () => {
    const stopped = run({ state: 'running', stopRequested: true, finishedAt: null, exitCode: null, stderr: 'oops' });
    const { execution } = presentExecutionDetails(TASK, JOB, stopped, links);
    expect(execution).toMatchObject({ status: 'failed', error: 'oops\nUser stopped job execution manually.' });
  });

  it('shows what the engine says behind what the command said', () => {
    const late = run({
      state: 'timed_out',
      exitCode: null,
      stderr: 'oops',
      error: 'Job execution timed out after 2 seconds.',
    });
    const { execution } = presentExecutionDetails(TASK, JOB, late, links);
    expect(execution).toMatchObject({
      status: 'timedout',
      exitCode: null,
      error: 'oops\nJob execution timed out after 2 seconds.',
    });
  });

  it('says where the whole is of what is too long for a list', () => {
    const long = run({ stderr: 'oops', omitted: { stdout: 5, stderr: 7 } });
    const url = `${JOB_URL}executions/${RUN}/`;
    const whole = (bytes: number, address: string) =>
      `[the first ${bytes} bytes are left out here; all of it: ${address}]\n`;
    const { execution } = presentExecutionDetails(TASK, JOB, { ...long, error: 'late', exitCode: null }, links);
    expect(execution.log).toBe(`${whole(5, `${url}stdout/`)}total 72K\n`);
    expect(execution.error).toBe(`${whole(7, `${url}stderr/`)}oops\nlate`);
    // the addresses of the texts have nothing before the end
    const running = presentExecutionDetails(TASK, JOB, { ...long, state: 'running' }, links).execution;
    expect(running.log).toBe(`${whole(5, url)}total 72K\n`);
  });

  it('has long texts whole, what the engine says behind what the command said', async () => {
    const stderr = new LongText(7, async function* () {
      yield* ['oo', 'ps é'];
    });
    const late = run({ state: 'timed_out', exitCode: null, stderr, error: 'Too late.' });
    const text = async (which: 'stdout' | 'stderr' | 'logs') => {
      const presented = presentText(late, which) as LongText;
      const parts: string[] = [];
      for await (const part of partsOf([presented])) parts.push(part);
      return { bytes: presented.bytes, text: parts.join('') };
    };
    expect(await text('stderr')).toEqual({ bytes: 17, text: 'oops é\nToo late.' });
    expect(await text('logs')).toEqual({ bytes: 32, text: 'total 72K\n\n-=-\noops é\nToo late.' });
    expect(presentText(late, 'stdout')).toBe('total 72K\n');
  });

  it('shows webhooks that were taken with their answers, and others with what was sent', () => {
    const at = new Date('2026-11-22T01:11:30Z');
    const request = { headers: { authorization: 'hidden' }, body: '{"job_id":1}', omitted: 0 };
    const long = { ...request, omitted: 9 };
    const { execution } = presentExecutionDetails(
      TASK,
      JOB,
      run({
        webhookTries: [
          { at, url: 'http://a', status: null, error: 'no answer', request, answer: null },
          { at, url: 'http://a', status: 503, error: 'status 503', request: long, answer: { headers: {}, body: 'x' } },
          {
            at,
            url: 'http://a',
            status: 201,
            error: null,
            request,
            answer: { headers: { 'set-cookie': 'hidden', server: 's' }, body: 'taken' },
          },
        ],
      }),
      links,
    );
    const head = { timestamp: '2026-11-22T01:11:30', url: 'http://a' };
    const sent = { body: '{"job_id":1}', headers: { authorization: '***' } };
    expect(execution.metadata).toStrictEqual({
      ...documented.metadata,
      webhookDispatch: [
        { ...head, statusCode: 500, ...sent, error: 'no answer' },
        {
          ...head,
          statusCode: 503,
          ...sent,
          body: `{"job_id":1}[the other 9 characters are left out here; all of it: ${JOB_URL}executions/${RUN}/]`,
          error: 'status 503',
        },
        { ...head, statusCode: 201, body: 'taken', headers: { 'set-cookie': '***', server: 's' } },
      ],
    });
  });

  it.each([
    ['waiting', '', '', ''],
    ['pulling', '', '', ''],
    ['running', '', '', ''],
    ['succeeded', 'out\n', 'err\n', 'out\n\n-=-\nerr\n'],
    ['failed', 'out\n', 'err\n', 'out\n\n-=-\nerr\n'],
  ] as const)('has the texts of a run that is %s', (state, stdout, stderr, logs) => {
    const shown = run({ state, stdout: 'out\n', stderr: 'err\n' });
    expect(presentText(shown, 'stdout')).toBe(stdout);
    expect(presentText(shown, 'stderr')).toBe(stderr);
    expect(presentText(shown, 'logs')).toBe(logs);
  });

  it('has texts of a run that ended before it started', () => {
    const expired = run({ state: 'expired', startedAt: null, finishedAt: null, stdout: '', error: null });
    expect(presentText(expired, 'logs')).toBe('\n-=-\n');
  });
});
