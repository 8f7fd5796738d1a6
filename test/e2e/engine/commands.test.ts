import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { at, CommandClient } from './command-client';
import { EngineSuite } from './engine-suite';

const MAX_RUNNING = 3;

describe('commands', () => {
  let suite: EngineSuite;
  let client: CommandClient;
  let listener: CallbackListener;

  beforeAll(async () => {
    listener = await CallbackListener.start();
    suite = await EngineSuite.start({
      replicas: { 'task-worker': 2 },
      env: {
        FASTLANE_EXECUTOR: 'host',
        OUTBOUND_ALLOW: '127.0.0.1/32',
        DOCKER_HOSTS: JSON.stringify([
          { match: 'narrow', hosts: ['localhost:2375'], maxRunning: MAX_RUNNING },
          { match: '', hosts: ['localhost:2375'], maxRunning: 50 },
        ]),
        LEASE_SECONDS: '6',
        HEARTBEAT_SECONDS: '2',
      },
    });
    client = new CommandClient(suite.local.url('api-gateway'));
  });

  afterAll(async () => {
    await suite?.stop();
    await listener?.close();
  });

  it('run with their environment, and both outputs and the exit code are kept apart', async () => {
    const job = await client.submit('run', {
      command: `sh -c 'echo "$GREETING $0"; echo oops >&2; exit 3' "two words"`,
      envs: { GREETING: 'hello' },
    });
    const [execution] = await client.over(job);
    expect(execution).toMatchObject({
      executionId: job.executionId,
      status: 'failed',
      exitCode: 3,
      log: 'hello two words\n',
      error: 'oops\n',
      metadata: { docker_port: 0, container_id: expect.stringMatching(/^\d+$/) },
    });
  });

  it('lose nothing of their output while PostgreSQL is slow to take it', async () => {
    // more than is held in memory, so that its end is still unread when the command has ended
    const job = await client.submit('slow', { command: `sh -c 'sleep 1; head -c 1200000 /dev/zero | tr "\\0" x'` });
    await client.reached(job, 'running');
    await suite.query(`DO $$ BEGIN LOCK TABLE run_output IN SHARE MODE; PERFORM pg_sleep(4); END $$`);
    const [execution] = await client.over(job);
    expect(execution).toMatchObject({ status: 'done', exitCode: 0 });
    expect(execution!.log).toHaveLength(1_200_000);
  });

  it('that do not exist fail with 127 and say why', async () => {
    const [execution] = await client.over(await client.submit('run', { command: 'no-such-program-here' }));
    expect(execution).toMatchObject({ status: 'failed', exitCode: 127 });
    expect(execution!.error).toContain('no-such-program-here');
  });

  it('never run more at one time than their farm allows, and start in the order in which they came', async () => {
    const jobs = [];
    for (let n = 0; n < 10; n += 1) jobs.push(await client.submit('narrow-gate', { command: 'sleep 0.4' }));
    const executions = [];
    for (const job of jobs) executions.push(...(await client.over(job)));
    const changes = executions.flatMap(({ startedAt, finishedAt }) => [
      { at: at(startedAt), by: 1 },
      { at: at(finishedAt), by: -1 },
    ]);
    let running = 0;
    for (const { by } of changes.sort((a, b) => a.at - b.at || a.by - b.by)) {
      running += by;
      expect(running).toBeLessThanOrEqual(MAX_RUNNING);
    }
    const starts = executions.map(({ startedAt }) => at(startedAt));
    // those that were started together may be noted in any order
    for (let n = MAX_RUNNING; n < starts.length; n += 1)
      expect(starts[n]!).toBeGreaterThanOrEqual(Math.min(...starts.slice(n - MAX_RUNNING, n)));
  });

  it('run again after a failure, with twice the pause each time, and not more often than asked for', async () => {
    const job = await client.submit('retry', { command: 'false', retries: 2 });
    const executions = await client.over(job, 3, 30_000);
    expect(executions.map(({ status, exitCode }) => [status, exitCode])).toEqual(Array(3).fill(['failed', 1]));
    const [first, second, third] = executions;
    expect(at(second!.startedAt) - at(first!.finishedAt)).toBeGreaterThanOrEqual(1_950);
    expect(at(second!.startedAt) - at(first!.finishedAt)).toBeLessThan(4_000);
    expect(at(third!.startedAt) - at(second!.finishedAt)).toBeGreaterThanOrEqual(3_950);
    expect((await client.job(job)).metadata).toMatchObject({ retries: 2, retry_count: 2 });
  });

  it('are stopped while they run: TERM first, the slot is free when the command has ended, no retry follows', async () => {
    const command = `sh -c 'trap "echo bye; exit 9" TERM; echo up; while :; do sleep 0.1; done'`;
    const job = await client.submit('narrow-stop', { command, retries: 3 });
    await eventually(async () => {
      const { text } = await fetchText(`${client.url}/tasks/narrow-stop/jobs/${job.jobId}/`);
      if (!text.includes('up\\n')) throw new Error('not up');
    });
    expect((await client.stop(job)).status).toBe(200);
    // at once for the client, whatever the command still does
    expect((await client.job(job)).executions[0]).toMatchObject({ status: 'failed' });
    const execution = await eventually(async () => {
      const [newest] = (await client.job(job)).executions;
      if (newest!.finishedAt === null) throw new Error('not over');
      return newest!;
    });
    expect(execution).toMatchObject({ status: 'failed', exitCode: 9, log: 'up\nbye\n' });
    expect(execution.error).toContain('User stopped job execution manually.');
    expect((await client.job(job)).executionCount).toBe(1);
  });

  it('are stopped while they wait: they never run', async () => {
    const blockers = [];
    for (let n = 0; n < MAX_RUNNING; n += 1) blockers.push(await client.submit('narrow-wait', { command: 'sleep 60' }));
    const waiting = await client.submit('narrow-wait', { command: 'echo never' });
    for (const blocker of blockers) await client.reached(blocker, 'running');
    expect(await client.reached(waiting, 'enqueued')).toMatchObject({ startedAt: null, log: null });
    expect((await client.stop(waiting)).status).toBe(200);
    expect(await client.reached(waiting, 'failed')).toMatchObject({ exitCode: null, startedAt: null });
    for (const blocker of blockers) await client.stop(blocker);
    for (const blocker of blockers) await client.over(blocker, 1, 20_000);
    const next = await client.submit('narrow-wait', { command: 'echo next' });
    await client.over(next);
    expect((await client.job(waiting)).executions[0]).toMatchObject({ status: 'failed', log: null });
  });

  it('end at their time limit', async () => {
    const job = await client.submit('limit', { command: `sh -c 'echo begun; sleep 60'`, timeout: 1 });
    const [execution] = await client.over(job);
    expect(execution).toMatchObject({ status: 'timedout', exitCode: null, log: 'begun\n' });
    expect(execution!.error).toBe('Job execution timed out after 1 seconds.');
    expect(at(execution!.finishedAt) - at(execution!.startedAt)).toBeLessThan(3_000);
  });

  it('that come too late are stored as expired and do not run', async () => {
    const expiration = Math.floor(Date.now() / 1_000) - 10;
    const [execution] = await client.over(await client.submit('late', { command: 'echo ran', expiration }));
    expect(execution).toMatchObject({ status: 'expired', startedAt: null });
    expect(execution!.error).toMatch(/^Job was supposed to be done before \S+, but was started at \S+\.$/);
  });

  it('run at a time, in some time, and by a cron rule once at each of its times, until they are stopped', async () => {
    const soon = await client.submit('time', { command: 'echo in', startIn: '2s' });
    const later = await client.submit('time', { command: 'echo at', startAt: Math.ceil(Date.now() / 1_000) + 2 });
    const cron = await client.submit('time', { command: 'echo cron', cron: '* * * * * */2' });
    expect([soon, later, cron].map(({ executionId }) => executionId)).toEqual([null, null, null]);
    expect((await client.job(soon)).executionCount).toBe(0);
    const submitted = Date.now();
    const [a] = await client.over(soon);
    expect(at(a!.startedAt) - submitted).toBeGreaterThan(1_000);
    const [b] = await client.over(later);
    expect(b!.log).toBe('at\n');
    const firings = await client.over(cron, 3, 20_000);
    const due = firings.map(({ createdAt }) => Math.floor(at(createdAt) / 1_000));
    expect(due).toEqual(due.map((_, n) => due[0]! + 2 * n));
    expect(due[0]! % 2).toBe(0);
    expect((await client.job(cron)).scheduled).toBe(true);
    expect((await client.stop(cron)).status).toBe(200);
    const { executionCount, scheduled } = await client.job(cron);
    expect(scheduled).toBe(false);
    const last = Date.now();
    await eventually(() => Date.now() - last > 3_000, { timeout: 10_000 });
    expect((await client.job(cron)).executionCount).toBe(executionCount);
  });

  it('are retried by hand: the running execution ends and a new one runs', async () => {
    const job = await client.submit('again', { command: 'sleep 30' });
    await client.reached(job, 'running');
    const scheduled = await client.submit('again', { command: 'true', startIn: '1h' });
    expect(await client.retry(scheduled)).toMatchObject({
      status: 400,
      text: expect.stringContaining('No execution yet'),
    });
    expect((await client.retry(job)).status).toBe(200);
    const newest = await client.reached(job, 'running');
    expect((await client.job(job)).executionCount).toBe(2);
    expect(newest.executionId).not.toBe(job.executionId);
    await client.stop(job);
    await client.over(job, 2);
  });

  it('tell their webhooks, again until one is taken, and show what came of it', async () => {
    listener.answer('/hook', { status: 500, body: 'not yet' }, { status: 200, body: 'thanks' });
    const hook = { url: listener.url('/hook'), headers: { 'x-mine': 'yes' }, retries: 1 };
    const job = await client.submit('hooked', {
      command: `sh -c 'echo out; echo err >&2'`,
      metadata: { order: 7 },
      webhooks: {
        succeeds: [hook],
        fails: [{ url: listener.url('/never') }],
        finishes: [{ url: listener.url('/end') }],
      },
    });
    await client.over(job);
    const [first, second] = await listener.received(2, ({ path }) => path === '/hook', { timeout: 15_000 });
    expect(second!.receivedAt.getTime() - first!.receivedAt.getTime()).toBeGreaterThanOrEqual(4_900);
    expect(first!.headers).toMatchObject({ 'x-mine': 'yes', 'content-type': 'application/json' });
    expect(first!.headers['webhook-id']).toBe(second!.headers['webhook-id']);
    expect(first!.json).toMatchObject({
      executionId: job.executionId,
      job_id: job.jobId,
      status: 'done',
      exitCode: 0,
      log: 'out\n',
      error: 'err\n',
      metadata: { custom: { order: 7 }, docker_port: 0 },
    });
    expect(first!.json).not.toHaveProperty('taskId');
    await listener.received(1, ({ path }) => path === '/end');
    expect(listener.to('/never')).toEqual([]);
    const tries = await eventually(async () => {
      const dispatch = (await client.job(job)).executions[0]!.metadata.webhookDispatch ?? [];
      if (dispatch.length < 3) throw new Error(JSON.stringify(dispatch));
      return dispatch;
    });
    expect(tries.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 500]);
  });

  it('are taken over when their worker dies: they run again, and say so', async () => {
    const job = await client.submit('orphan', { command: `sh -c 'echo begun; sleep 3'` });
    await client.reached(job, 'running');
    const [row] = await suite.query<{ pid: number }>(
      `SELECT w.pid FROM run r JOIN execution e ON e.job_id = r.job_id JOIN worker w ON w.id = e.worker_id WHERE r.uuid = $1`,
      [job.executionId],
    );
    process.kill(row!.pid, 'SIGKILL');
    const [execution] = await client.over(job, 1, 30_000);
    expect(execution).toMatchObject({ executionId: job.executionId, status: 'done', exitCode: 0 });
    expect(execution!.log!.match(/begun/g)!.length).toBeLessThanOrEqual(2);
    expect(execution!.error).toContain('it runs again');
    await suite.local.ready();
  });

  it('leave no more executions behind than asked for', async () => {
    const job = await client.submit('kept', { command: 'true', maxKeptExecutions: 2 });
    await client.over(job);
    for (let n = 0; n < 3; n += 1) {
      const { executionId } = (await client.job(job)).executions[0]!;
      expect((await client.retry(job)).status).toBe(200);
      await eventually(async () => {
        const [newest] = (await client.job(job)).executions;
        if (newest!.executionId === executionId || newest!.status !== 'done') throw new Error(newest!.status);
      });
    }
    expect((await client.job(job)).executionCount).toBe(2);
  });

  it('of one task run no more at one time than it allows', async () => {
    const jobs = [];
    for (let n = 0; n < 4; n += 1)
      jobs.push(await client.submit('single', { command: 'sleep 0.3', maxConcurrentExecutions: 1 }));
    const spans = [];
    for (const job of jobs) spans.push(...(await client.over(job)));
    spans.sort((a, b) => at(a.startedAt) - at(b.startedAt));
    for (let n = 1; n < spans.length; n += 1)
      expect(at(spans[n]!.startedAt)).toBeGreaterThanOrEqual(at(spans[n - 1]!.finishedAt) - 5);
  });
});

async function fetchText(url: string): Promise<{ text: string }> {
  return { text: await (await fetch(url)).text() };
}
