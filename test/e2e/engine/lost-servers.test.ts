import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../support/eventually';
import { between, EngineSuite, measured, type Submission } from './engine-suite';
import { expectRunOnce } from './history';

describe('servers that go', () => {
  let suite: EngineSuite;

  beforeAll(async () => {
    suite = await EngineSuite.start({ own: { postgres: true, redis: true } });
    await suite.set({ max_jobs: 20 });
  });

  afterAll(() => suite?.stop());

  it('FLUSHALL, again and again in the middle of a run, costs time but no job', async () => {
    const began = Date.now();
    const accepted = suite.submitAll(Array.from({ length: 60 }, (_, n) => mixed(n)));
    for (let n = 0; n < 4; n += 1) {
      await delay(300);
      await flushAll(suite.local.redisUrl);
    }
    const ids = await accepted;
    await flushAll(suite.local.redisUrl);
    await suite.reached(ids, 45_000);
    measured('60 jobs with FLUSHALL five times', Date.now() - began, 'ms');
    await expectRunOnce(suite, ids);
  });

  it('Redis killed: jobs are accepted meanwhile, all apps recover by themselves, notifications work again', async () => {
    const redis = suite.local.servers.redis!.process;
    const sleeping = await suite.submit('sleep', { seconds: 600 });
    const { id: execution } = await suite.running(sleeping);
    await redis.stop('SIGKILL');
    await eventually(async () => expect(new Set(await suite.readiness())).toEqual(new Set([503])));

    const asked = Date.now();
    const ids = await suite.submitAll(Array.from({ length: 20 }, (_, n) => mixed(n)));
    ids.push(await suite.submit('noop', {}, { run_at: inOneSecond() }));
    measured('21 jobs accepted without Redis', Date.now() - asked, 'ms');
    expect(Date.now() - asked).toBeLessThan(5_000);
    // nobody can be told, so the worker learns it at its next heartbeat
    const broken = Date.now();
    await suite.change(sleeping, { queue_state: 'broken' });
    measured(
      'break without Redis until the worker has left the task',
      between(broken, (await suite.left(execution, 5_000)).at),
      'ms',
    );

    await redis.start();
    const back = Date.now();
    await suite.recovered(10_000);
    measured('Redis back until all apps are ready', Date.now() - back, 'ms');
    await suite.reached(ids, 30_000);
    measured('Redis back until all jobs of the outage are done', Date.now() - back, 'ms');
    await expectRunOnce(suite, ids);

    const later = await suite.submit('sleep', { seconds: 600 });
    const { id: heard } = await suite.running(later);
    const stopped = Date.now();
    await suite.change(later, { queue_state: 'broken' });
    const { at } = await suite.left(heard, 2_000);
    measured('break after the outage until the worker has left the task', between(stopped, at), 'ms');
  });

  it('Redis restarted under load: everything runs to its end', async () => {
    const accepted = suite.submitAll(Array.from({ length: 40 }, (_, n) => mixed(n)));
    await delay(400);
    await suite.local.servers.redis!.process.kill();
    const ids = await accepted;
    await suite.recovered(15_000);
    await suite.reached(ids, 40_000);
    await expectRunOnce(suite, ids);
  });

  it('PostgreSQL killed under load: nothing accepted is lost, nothing refused is stored, all apps recover', async () => {
    const postgres = suite.local.servers.postgres!.process;
    const answers: { mark: string; status: number; id: string; sentWhileDown: boolean }[] = [];
    let over = false;
    let killed = false;
    const sending = Array.from({ length: 4 }, async (_, sender) => {
      for (let n = 0; !over; n += 1) {
        const mark = `${sender}-${n}`;
        const sentWhileDown = killed;
        const { workflow, parameters } = mixed(n);
        const answer = await suite.send({ workflow, parameters: { ...parameters, content_id: mark } });
        answers.push({ mark, status: answer.status, id: String(answer.body?.id), sentWhileDown });
        await delay(50);
      }
    });
    await delay(700);
    await postgres.kill();
    killed = true;
    const down = Date.now();
    await suite.recovered(30_000);
    measured('PostgreSQL killed until all apps are ready', Date.now() - down, 'ms');
    await delay(300);
    over = true;
    await Promise.all(sending);

    const accepted = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status !== 200);
    measured('jobs accepted', accepted.length, '');
    measured('jobs refused', refused.length, '');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter(({ status }) => status < 500)).toEqual([]);
    const ids = [...accepted.map(({ id }) => id), await suite.submit('noop', {}, { run_at: inOneSecond() })];
    await suite.reached(ids, 45_000);
    await expectRunOnce(suite, ids);

    const stored = await suite.query<{ id: string; mark: string }>(
      `SELECT id, submitted->>'content_id' AS mark FROM job WHERE submitted ? 'content_id'`,
    );
    expect(stored.filter(({ id }) => accepted.some((answer) => answer.id === id))).toHaveLength(accepted.length);
    // A commit whose answer died with the server may be there; what was sent after its death may not.
    const doubtful = new Set(refused.filter(({ sentWhileDown }) => !sentWhileDown).map(({ mark }) => mark));
    const unasked = stored.filter(
      ({ id, mark }) => !accepted.some((answer) => answer.id === id) && !doubtful.has(mark),
    );
    expect(unasked).toEqual([]);
    expect(new Set(stored.map(({ mark }) => mark)).size).toBe(stored.length);
  });

  const inOneSecond = () => new Date(Date.now() + 1_000).toISOString();

  const mixed = (n: number): Submission => {
    if (n % 3 === 0) return { workflow: 'noop' };
    if (n % 3 === 1) return { workflow: 'sleep', parameters: { seconds: 0.2 } };
    return { workflow: 'steps', parameters: { count: 4, seconds: 0.05 } };
  };
});

async function flushAll(url: string): Promise<void> {
  const { hostname, port, password } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  socket.setTimeout(5_000, () => socket.destroy(new Error('Redis did not answer')));
  socket.write(`AUTH ${password}\r\nFLUSHALL\r\nQUIT\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  expect(answer).toBe('+OK\r\n+OK\r\n+OK\r\n');
}
