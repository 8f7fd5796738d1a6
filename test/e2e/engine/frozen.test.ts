import { Client } from 'pg';
import { eventually } from '../../support/eventually';
import { EngineSuite, measured } from './engine-suite';
import { expectRunOnce } from './history';

describe('processes that freeze', () => {
  let suite: EngineSuite;

  beforeAll(async () => {
    suite = await EngineSuite.start();
  });

  afterAll(() => suite?.stop());

  it('a leader: another leads within 15 s, and the first one knows when it wakes', async () => {
    const frozen = await suite.leader();
    const { pid } = frozen;
    process.kill(pid!, 'SIGSTOP');
    const stopped = Date.now();
    try {
      const next = await suite.leader(
        15_000,
        suite.members('scheduler').filter((member) => member !== frozen),
      );
      measured('leader frozen until another leads', Date.now() - stopped, 'ms');
      expect(next.replica).not.toBe(frozen.replica);
    } finally {
      process.kill(pid!, 'SIGCONT');
    }
    await eventually(async () => {
      const text = await (await fetch(`${frozen.url}/metrics`)).text();
      expect(text).toMatch(/^task_engine_scheduler_leader(\{.*\})? 0$/m);
    });
    expect(frozen.pid).toBe(pid);
  });

  it('a controller inside its transaction: its locks end after some seconds and others start the jobs', async () => {
    const [frozen] = suite.members('job-controller');
    for (const replica of [1, 2]) await suite.local.takeDown('job-controller', replica);
    // paused: or the submit would start the job itself
    await suite.query('UPDATE lane SET paused = true');
    const id = await suite.submit('noop');
    await suite.query('UPDATE lane SET paused = false');
    const own = new Client({ connectionString: suite.local.databaseUrl });
    await own.connect();
    await own.query('BEGIN');
    // the controller gets the lane's lock and then waits for the job's
    await own.query('SELECT FROM job WHERE id = $1 FOR UPDATE', [id]);
    await suite.local.bringUp('job-controller', 1);
    await eventually(async () => expect(await sessions(`wait_event_type = 'Lock'`)).toBe(1));
    const { pid } = frozen!;
    process.kill(pid!, 'SIGSTOP');
    try {
      await own.query('COMMIT');
      await own.end();
      await eventually(async () => expect(await sessions(`state = 'idle in transaction'`)).toBe(1));
      const freed = Date.now();
      await suite.local.bringUp('job-controller', 2);
      await suite.reached([id], 25_000);
      measured('controller frozen with the lane locked until its job is done by another', Date.now() - freed, 'ms');
    } finally {
      process.kill(pid!, 'SIGCONT');
    }
    await suite.recovered(10_000);
    expect(frozen!.pid).toBe(pid);
    await expectRunOnce(suite, [id]);
  });

  const sessions = async (condition: string) => {
    const [row] = await suite.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'task-engine job-controller' AND ${condition}`,
    );
    return row!.n;
  };
});
