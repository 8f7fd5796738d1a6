import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, type Shown, TaskSchedulerClient, WORKER_ID } from './task-scheduler-client';

let suite: TestSuite;
let api: TaskSchedulerClient;
let listener: CallbackListener;

beforeAll(async () => {
  listener = await CallbackListener.start();
  suite = await startSuite({
    replicas: { 'task-worker': 2 },
    env: { BOOTSTRAP_CLIENTS: BOOTSTRAP, WORKER_TAGS: 'gpu,eu', SHELL_CONCURRENCY: '4' },
  });
  api = new TaskSchedulerClient(suite.url);
}, 120_000);

afterAll(async () => {
  await listener.close();
  await suite.stop();
});

/** Workers with this status. */
async function workers(status: string): Promise<Shown[]> {
  return (await api.get(`/workers?status=${status}`)).body.data as Shown[];
}

/** What the listener has heard of workers. */
const heard = () => listener.requests.map(({ json }) => json as { event: string; worker: Shown });

describe('workers with tags', () => {
  it('take tasks that ask for some of their tags, however few, and such that come while they run', async () => {
    const asked = [[], ['gpu'], ['eu'], ['eu', 'gpu'], ['gpu', 'eu', 'gpu']];
    const ids = await Promise.all(asked.map((worker_tags) => api.create({ worker_tags })));
    for (const id of ids) expect(await api.reaches(id, 'completed')).toMatchObject({ worker_id: WORKER_ID });
  });

  it('leave what asks for more to others: it waits, says why, and holds nobody up', async () => {
    const lonely = await api.create({ worker_tags: ['gpu', 'arm'] });
    const others = await Promise.all(Array.from({ length: 40 }, () => api.create({ worker_tags: ['gpu'] })));
    await Promise.all(others.map((id) => api.reaches(id, 'completed')));
    await eventually(async () => {
      expect(await api.task(lonely)).toMatchObject({ status: 'pending', wait_reason: 'NoWorker' });
    });
  });

  it('take tagged tasks within moments, not at the next look', async () => {
    await api.reaches(await api.create({ worker_tags: ['eu'] }), 'completed');
    const times: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const at = Date.now();
      await api.reaches(await api.create({ worker_tags: ['eu'] }), 'completed');
      times.push(Date.now() - at);
    }
    expect(Math.min(...times)).toBeLessThan(700);
  });
});

describe('a worker that comes and goes', () => {
  it('is told of: once when it has stopped or died, and again when another comes', async () => {
    const events = ['worker.registered', 'worker.offline'];
    await api.post('/webhooks', { url: listener.url('/workers'), events });
    const [one, two] = await workers('idle');
    await suite.suite.takeDown('task-worker', 2);
    await eventually(async () => expect(await workers('offline')).toHaveLength(1));
    await listener.received(1);
    const [first] = heard();
    expect(first).toMatchObject({ event: 'worker.offline', worker: { status: 'offline', tags: ['gpu', 'eu'] } });
    expect([one.id, two.id]).toContain(first!.worker.id);
    await suite.suite.bringUp('task-worker', 2);
    await eventually(() => expect(heard().at(-1)).toMatchObject({ event: 'worker.registered' }));

    // its supervisor brings it back at once: a new process, while the old one falls silent
    await suite.suite.kill('task-worker');
    await eventually(() => expect(heard()).toHaveLength(4), { timeout: 30_000 });
    expect(heard().map(({ event }) => event)).toEqual([
      'worker.offline',
      'worker.registered',
      'worker.registered',
      'worker.offline',
    ]);
    expect(heard()[3]!.worker.id).not.toBe(heard()[2]!.worker.id);
    expect(await workers('idle')).toHaveLength(2);
    expect(await workers('offline')).toHaveLength(2);
    const { body } = await api.get('/system/status');
    expect(body.data.components).toMatchObject({ workers: { active_count: 0, idle_count: 2, offline_count: 2 } });
  }, 90_000);
});
