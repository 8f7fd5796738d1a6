import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { FastlaneClient, type Shown } from './fastlane-client';

describe('live logs', () => {
  let suite: TestSuite;
  let api: FastlaneClient;

  beforeAll(async () => {
    suite = await startSuite({ env: { FASTLANE_EXECUTOR: 'host' } });
    api = new FastlaneClient(suite.url);
  });

  afterAll(() => suite?.stop());

  const jobPath = ({ taskId, jobId }: Shown) => `/tasks/${taskId}/jobs/${jobId}/ws/`;
  const executionPath = ({ taskId, jobId, executionId }: Shown) =>
    `/tasks/${taskId}/job/${jobId}/executions/${executionId}/ws/`;

  it('of a job that does not exist: closed without a reason', async () => {
    for (const path of [`/tasks/no/jobs/${randomUUID()}/ws/`, '/tasks/no/jobs/nothing/ws'])
      expect(await api.follow(path).closed).toEqual({ code: 1000, reason: '' });
  });

  it('of a job without an execution, and of an unknown one: try again', async () => {
    const later = await api.enqueue('later', { startIn: '1h' });
    expect(await api.follow(jobPath(later)).closed).toEqual({ code: 1000, reason: 'wsretry' });
    for (const executionId of [randomUUID(), 'nothing'])
      expect(await api.follow(executionPath({ ...later, executionId })).closed).toEqual({
        code: 1000,
        reason: 'wsretry',
      });
  });

  it('of an execution that waits: try again', async () => {
    const running = await api.enqueue('one-at-a-time', { command: 'sleep 100', maxConcurrentExecutions: 1 });
    await api.reached(running, 'running');
    const waiting = await api.enqueue('one-at-a-time');
    const live = api.follow(jobPath(waiting));
    expect(await live.closed).toEqual({ code: 1010, reason: 'wsretry' });
    expect(live.frames).toEqual([]);
    for (const job of [running, waiting]) await api.post(`/tasks/one-at-a-time/jobs/${job.jobId}/stop/`);
  });

  it.each([
    ['done', `sh -c 'echo out; echo err >&2'`, {}, ['EXIT CODE: 0\n', 'out\n', '\n-=-\n', 'err\n']],
    ['failed', `sh -c 'echo out; exit 3'`, {}, ['EXIT CODE: 3\n', 'out\n', '\n-=-\n', '']],
    [
      'timedout',
      `sh -c 'echo out; exec sleep 100'`,
      { timeout: 1 },
      ['EXIT CODE: None\n', 'out\n', '\n-=-\n', 'Job execution timed out after 1 seconds.'],
    ],
    ['expired', 'true', { expiration: 1 }, ['EXIT CODE: None\n', '', '\n-=-\n', expect.stringContaining('supposed')]],
  ])('of one that is %s: all of it, and no more to come', async (status, command, fields, frames) => {
    const enqueued = await api.enqueue('over', { command, ...fields });
    await api.reached(enqueued, status);
    for (const path of [jobPath(enqueued), executionPath(enqueued), jobPath(enqueued).slice(0, -1)]) {
      const live = api.follow(path);
      expect(await live.closed).toEqual({ code: 1010, reason: 'wsdone' });
      expect(live.frames).toEqual(frames);
    }
  });

  it('of one that runs: what was written, then what comes, whole and once, whenever one joins', async () => {
    const script = 'i=0; while [ $i -lt 60 ]; do echo "line $i"; echo "error $i" >&2; i=$((i+1)); sleep 0.05; done';
    const enqueued = await api.enqueue('running', { command: `sh -c '${script}'` });
    await api.reached(enqueued, 'running');
    const followers = [];
    for (let n = 0; n < 8; n += 1) {
      followers.push(api.follow(n % 2 === 0 ? jobPath(enqueued) : executionPath(enqueued)));
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(followers[0]!.text).toContain('line 0\n');
    // told of what is new, not only looking for it twice a second
    expect(followers[0]!.frames.length).toBeGreaterThan(12);
    for (const live of followers) {
      expect(await live.closed).toEqual({ code: 1000, reason: 'wsdone' });
      for (const [name, other] of [
        ['line', 'error'],
        ['error', 'line'],
      ]) {
        const lines = live.text.split('\n').filter((line) => line !== '' && !line.startsWith(other!));
        expect(lines).toEqual(Array.from({ length: 60 }, (_, line) => `${name} ${line}`));
      }
    }
  }, 30_000);

  it('of a burst: megabytes arrive whole, at many followers', async () => {
    const script =
      'sleep 1; i=0; while [ $i -lt 40 ]; do head -c 100000 /dev/zero | tr "\\0" "x"; echo; i=$((i+1)); done';
    const enqueued = await api.enqueue('burst', { command: `sh -c '${script}'` });
    await api.reached(enqueued, 'running');
    const followers = Array.from({ length: 10 }, () => api.follow(jobPath(enqueued)));
    for (const live of followers) {
      expect(await live.closed).toEqual({ code: 1000, reason: 'wsdone' });
      expect(live.text === `${'x'.repeat(100_000)}\n`.repeat(40)).toBe(true);
    }
  }, 30_000);

  it('without Redis telling anybody, by looking', async () => {
    const enqueued = await api.enqueue('stopped', { command: `sh -c 'echo begun; exec sleep 100'` });
    await api.reached(enqueued, 'running');
    const live = api.follow(jobPath(enqueued));
    await eventually(() => expect(live.text).toBe('begun\n'));
    await api.post(`/tasks/stopped/jobs/${enqueued.jobId}/stop/`);
    expect(await live.closed).toEqual({ code: 1000, reason: 'wsdone' });
  });

  it('from clients that misbehave: closed, and everybody else goes on', async () => {
    const enqueued = await api.enqueue('hostile', { command: 'sleep 100' });
    await api.reached(enqueued, 'running');
    const talker = api.follow(jobPath(enqueued));
    await talker.opened;
    talker.socket.send('x'.repeat(2_000));
    expect((await talker.closed).code).toBe(1009);
    const listener = api.follow(jobPath(enqueued));
    await listener.opened;
    listener.socket.send('hello');
    const { hostname, port } = new URL(suite.url);
    for (const request of [
      `GET ${jobPath(enqueued)} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      `POST ${jobPath(enqueued)} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    ]) {
      const answer = await new Promise<string>((resolve) => {
        const socket = connect(Number(port), hostname, () => socket.write(request));
        socket.once('data', (chunk: Buffer) => resolve(chunk.toString()));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    expect(listener.socket.readyState).toBe(WebSocket.OPEN);
    await api.post(`/tasks/hostile/jobs/${enqueued.jobId}/stop/`);
    expect(await listener.closed).toEqual({ code: 1000, reason: 'wsdone' });
  });

  it('end with 1001 when the gateway ends', async () => {
    const enqueued = await api.enqueue('going-away', { command: 'sleep 100' });
    await api.reached(enqueued, 'running');
    const live = api.follow(jobPath(enqueued));
    await live.opened;
    await suite.suite.restart('api-gateway');
    expect((await live.closed).code).toBe(1001);
    // and they go on over another connection
    const again = api.follow(jobPath(enqueued));
    await again.opened;
    await api.post(`/tasks/going-away/jobs/${enqueued.jobId}/stop/`);
    expect(await again.closed).toEqual({ code: 1000, reason: 'wsdone' });
  });
});
