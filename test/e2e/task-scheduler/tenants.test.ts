import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import {
  BOOTSTRAP,
  everyRoute,
  expectRefused,
  query,
  type Shown,
  TaskSchedulerClient,
  WRITTEN,
} from './task-scheduler-client';

const SECRET_TEXT = 'of-the-first-client-alone';

describe('two clients', () => {
  let suite: TestSuite;
  let api: TaskSchedulerClient;
  let other: TaskSchedulerClient;
  /** Everything of the first client. */
  let waiting: string;
  let running: string;
  let failed: string;
  let webhook: string;
  let delivery: string;

  beforeAll(async () => {
    suite = await startSuite({ env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskSchedulerClient(suite.url);
    ({ other } = api);
    const body = {
      url: `http://127.0.0.1:9/${SECRET_TEXT}`,
      events: ['task.created', 'task.failed'],
      secret: SECRET_TEXT,
    };
    webhook = (await api.post('/webhooks', body)).body.data.id;
    const mine = { name: SECRET_TEXT, tags: [SECRET_TEXT] };
    waiting = await api.waiting(mine);
    failed = await api.create({ ...mine, command: `echo ${SECRET_TEXT}; exit 3`, max_retries: 0 });
    running = await api.create({ ...mine, command: 'sleep 120', checkpoint_enabled: true });
    await api.reaches(failed, 'failed');
    await api.reaches(running, 'running');
    delivery = (await api.get(`/webhooks/${webhook}/deliveries`)).body.data[0].id;
  });

  afterAll(async () => {
    // a worker that is stopped waits for what it runs
    if (running) await api.post(`/tasks/${running}/cancel`);
    await suite?.stop();
  });

  it("whatever is done with what is the other one's: it is not there, and nothing happens", async () => {
    const before = await written();
    for (const task of [waiting, running, failed]) {
      for (const { route, method, path, body } of await everyRoute(other, { task, webhook, delivery })) {
        if (!path.includes(task) && !path.includes(webhook)) continue;
        const answer = await other.call(method, path, { body: route.startsWith('PUT') ? { name: 'x' } : body });
        expect({ route, status: answer.status }).toEqual({ route, status: 404 });
        expectRefused(answer, 404, 'not_found');
      }
    }
    expect(await written()).toEqual(before);
  });

  it('a delivery is found under its own webhook alone', async () => {
    const { id } = (await other.post('/webhooks', { url: 'http://127.0.0.1:9/', events: ['task.created'] })).body.data;
    expectRefused(await other.post(`/webhooks/${id}/deliveries/${delivery}/replay`), 404, 'not_found');
    expect((await other.get(`/webhooks/${id}/deliveries`)).body.data).toEqual([]);
    expect((await other.delete(`/webhooks/${id}`)).status).toBe(200);
  });

  it("no task depends on the other one's", async () => {
    const own = await other.waiting();
    for (const answer of [
      await other.post('/tasks', { name: 'n', command: 'true', dependencies: [waiting] }),
      await other.put(`/tasks/${own}`, { dependencies: [waiting] }),
    ]) {
      expectRefused(answer, 422, 'validation_error');
      // as of a task that nobody has
      expect(answer.body.error.details.dependencies).toBe(`has tasks that do not exist: ${waiting}`);
    }
    await other.delete(`/tasks/${own}`);
  });

  it('every list is empty, and nothing of the other one is read anywhere', async () => {
    const workers = (await other.get('/workers')).body.data as Shown[];
    const busy = await eventually(async () => {
      const found = (await api.get('/workers?status=active')).body.data[0];
      expect(found).toBeDefined();
      return found;
    });
    const paths = [
      '/tasks',
      `/tasks?tag=${SECRET_TEXT}`,
      '/tasks?status=running',
      '/webhooks',
      ...workers.flatMap(({ id }) => [`/workers/${id}`, `/workers/${id}/tasks`]),
      '/system/status',
      '/system/metrics',
    ];
    for (const path of paths) {
      const answer = await other.get(path);
      expect({ path, status: answer.status }).toEqual({ path, status: 200 });
      for (const secret of [SECRET_TEXT, waiting, running, failed])
        expect({ path, text: answer.text }).not.toEqual({ path, text: expect.stringContaining(`"${secret}"`) });
    }
    // counters are of the whole installation; ids and names are the client's own
    expect((await other.get(`/workers/${busy.id}`)).body.data).toMatchObject({
      current_tasks: 1,
      current_task_ids: [],
    });
    expect((await other.get(`/workers/${busy.id}/tasks`)).body).toMatchObject({ data: [], meta: { total: 0 } });
    expect((await api.get(`/workers/${busy.id}`)).body.data.current_task_ids).toEqual([running]);
    expect((await api.get(`/workers/${busy.id}/tasks?status=running`)).body.data.map(({ id }: Shown) => id)).toEqual([
      running,
    ]);
    expect((await other.get('/system/status')).body.data.task_stats).toMatchObject({ running: 1, failed_today: 1 });
  });

  it('the secret of a webhook is shown to nobody', async () => {
    const shown = await Promise.all([api.get('/webhooks'), api.get(`/webhooks/${webhook}/deliveries`)]);
    for (const { text } of shown)
      expect(text.replaceAll(`http://127.0.0.1:9/${SECRET_TEXT}`, '')).not.toContain(SECRET_TEXT);
  });

  /** But for what the workers and the dispatcher go on doing meanwhile. */
  async function written(): Promise<unknown> {
    const [row] = await query(suite.databaseUrl, WRITTEN);
    const jobs = (row.jobs as Shown[]).map(({ id, state, priority }) => ({ id, state, priority }));
    return { jobs, tasks: row.tasks, edges: row.edges, webhooks: row.webhooks };
  }
});
