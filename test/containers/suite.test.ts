import { Client } from 'pg';
import { freePort } from '../../scripts/local/ports';
import { startSuite, type TestSuite } from '../support/start-suite';
import { eventually } from '../support/eventually';
import { at, CommandClient, type Enqueued } from '../e2e/engine/command-client';
import { describeWithEngine } from './support/container-tests';
import { TestEngine } from './support/test-engine';
import { IMAGE } from './support/test-images';

const MAX_RUNNING = 2;

describeWithEngine('commands in containers', () => {
  let engine: TestEngine;
  let suite: TestSuite;
  let database: Client;
  let client: CommandClient;

  beforeAll(async () => {
    engine = await TestEngine.start();
    suite = await startSuite({
      replicas: { 'task-worker': 2 },
      env: {
        FASTLANE_EXECUTOR: 'docker',
        DOCKER_HOSTS: JSON.stringify([
          { match: 'away', hosts: [`127.0.0.1:${await freePort()}`], maxRunning: 10 },
          { match: '', hosts: [engine.host], maxRunning: MAX_RUNNING },
        ]),
        DOCKER_NETWORK: 'none',
        LEASE_SECONDS: '4',
        HEARTBEAT_SECONDS: '1',
      },
    });
    database = new Client({ connectionString: suite.databaseUrl });
    await database.connect();
    client = new CommandClient(suite.url);
  });

  afterAll(async () => {
    await database?.end();
    await suite?.stop();
    await engine?.stop();
  });

  const submit = (command: string, payload: object = {}, group = 'contained') =>
    client.submit(group, { image: IMAGE, command, ...payload });
  const leftovers = () => engine.docker.listContainers({ all: true });

  it('run with their output and exit code, and leave nothing behind', async () => {
    const job = await submit(`sh -c 'echo "$WORD"; echo bad >&2; exit 5'`, { envs: { WORD: 'good' } });
    const [execution] = await client.over(job);
    expect(execution).toMatchObject({ status: 'failed', exitCode: 5, log: 'good\n', error: 'bad\n' });
    expect(execution!.metadata.container_id).toMatch(/^[0-9a-f]{64}$/);
    await eventually(async () => expect(await leftovers()).toEqual([]));
  });

  it('fail when their image cannot be had, and run again if that is asked for', async () => {
    const job = await submit('true', { image: 'nowhere.invalid/none:1', retries: 1, retryOnPullFailure: true });
    const executions = await client.over(job, 2, 60_000);
    expect(executions).toMatchObject([
      { status: 'failed', exitCode: null, startedAt: null },
      { status: 'failed', exitCode: null },
    ]);
    expect(executions[0]!.error).toContain('nowhere.invalid');
  });

  it('never run more at one time than the farm allows, those of a farm without a host included, for which it stands in', async () => {
    const jobs = [];
    for (let n = 0; n < 6; n += 1) jobs.push(await submit('sleep 1', {}, n % 2 ? 'away-from-home' : 'contained'));
    let most = 0;
    const look = setInterval(() => {
      void engine.docker.listContainers().then((running) => (most = Math.max(most, running.length)));
    }, 50);
    const executions = [];
    for (const job of jobs) executions.push(...(await client.over(job, 1, 60_000)));
    clearInterval(look);
    expect(executions.map(({ status }) => status)).toEqual(Array(6).fill('done'));
    expect(most).toBe(MAX_RUNNING);
  });

  it('end when they are stopped while they wait for room in the farm that stands in', async () => {
    const untilStopped = `sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'`;
    const long = [await submit(untilStopped), await submit(untilStopped)];
    for (const job of long) await client.reached(job, 'running');
    const waiting = await submit('true', {}, 'away-from-home');
    await client.reached(waiting, 'pulling');
    await client.stop(waiting);
    const [execution] = await client.over(waiting);
    expect(execution).toMatchObject({ status: 'failed', startedAt: null, exitCode: null });
    for (const job of long) await client.stop(job);
    for (const job of long) await client.over(job);
  });

  it('end when they are stopped, with what they say then', async () => {
    const job = await submit(`sh -c 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.1; done'`);
    await client.reached(job, 'running');
    await eventually(async () => expect((await client.job(job)).executions[0]!.log).toBe('up\n'));
    await client.stop(job);
    const execution = await eventually(async () => {
      const [newest] = (await client.job(job)).executions;
      expect(newest!.finishedAt).not.toBeNull();
      return newest!;
    });
    expect(execution).toMatchObject({ status: 'failed', exitCode: 3, log: 'up\nbye\n' });
  });

  it('are killed for want of memory, and that is told', async () => {
    const [execution] = await client.over(await submit(`sh -c 'x=1; while :; do x=$x$x; done'`, { memory: '16m' }));
    expect(execution).toMatchObject({ status: 'failed', exitCode: 137 });
    expect(execution!.error).toContain('out of memory');
  });

  it('go on when their worker is killed: another takes the container over, no line is lost or doubled', async () => {
    const job = await submit(`sh -c 'n=0; while [ $n -lt 60 ]; do echo line $n; n=$((n+1)); sleep 0.1; done'`);
    await eventually(async () => expect((await client.job(job)).executions[0]!.log).toContain('line 5\n'));
    const { container_id: container } = (await client.job(job)).executions[0]!.metadata;
    process.kill(await holderOf(job), 'SIGKILL');
    const [execution] = await client.over(job, 1, 40_000);
    expect(execution).toMatchObject({ status: 'done', exitCode: 0, metadata: { container_id: container } });
    expect(execution!.log).toBe(Array.from({ length: 60 }, (_, n) => `line ${n}\n`).join(''));
    expect(at(execution!.finishedAt) - at(execution!.startedAt)).toBeLessThan(16_000);
    await suite.suite.ready();
  });

  async function holderOf({ executionId }: Enqueued): Promise<number> {
    const { rows } = await database.query<{ pid: number }>(
      `SELECT w.pid FROM run r JOIN execution e ON e.job_id = r.job_id AND e.state = 'running' JOIN worker w ON w.id = e.worker_id
       WHERE r.uuid = $1`,
      [executionId],
    );
    return rows[0]!.pid;
  }

  it('are lost with their container when somebody removes it, and say so', async () => {
    const job = await submit('sleep 60');
    const { metadata } = await client.reached(job, 'running');
    await engine.docker.getContainer(metadata.container_id!).remove({ force: true });
    const [execution] = await client.over(job, 1, 30_000);
    expect(execution).toMatchObject({ status: 'failed' });
  });
});
