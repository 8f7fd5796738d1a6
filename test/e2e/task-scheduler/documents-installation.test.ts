import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, type Shown, TaskSchedulerClient, TIME, WORKER_ID } from './task-scheduler-client';

const COUNT = expect.any(Number) as number;

describe("the document's examples of workers, system and webhooks", () => {
  let suite: TestSuite;
  let api: TaskSchedulerClient;
  let listener: CallbackListener;

  beforeAll(async () => {
    listener = await CallbackListener.start();
    suite = await startSuite({ env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskSchedulerClient(suite.url);
  });

  afterAll(async () => {
    await suite?.stop();
    await listener?.close();
  });

  it('list workers, one with what it runs', async () => {
    const id = await api.create({ name: 'Example Task 1', command: 'sleep 300', priority: 8 });
    await api.reaches(id, 'running');
    const list = await api.get('/workers?status=active');
    const worker = {
      id: WORKER_ID,
      hostname: expect.stringMatching(/./),
      status: 'active',
      tasks_completed: COUNT,
      tasks_failed: COUNT,
      current_tasks: 1,
      last_heartbeat: TIME,
      registered_at: TIME,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      tags: expect.any(Array),
    };
    expect(list.body).toEqual({ data: [worker], meta: { page: 1, limit: 20, total: 1, pages: 1 } });
    const [{ id: workerId }] = list.body.data;
    const one = await eventually(async () => {
      const { data } = (await api.get(`/workers/${workerId}`)).body;
      expect(data.resources.cpu_usage).not.toBeNull();
      return data;
    });
    expect(one).toEqual({
      ...worker,
      current_task_ids: [id],
      resources: { cpu_usage: COUNT, memory_usage: COUNT, disk_usage: COUNT },
    });
    for (const share of Object.values(one.resources)) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    expect((await api.get(`/workers/${workerId}/tasks?status=running`)).body).toEqual({
      data: [{ id, name: 'Example Task 1', status: 'running', started_at: TIME, priority: 8 }],
      meta: { page: 1, limit: 20, total: 1, pages: 1 },
    });
    await api.post(`/tasks/${id}/cancel`);
  });

  it('tell how the system does', async () => {
    const status = await eventually(
      async () => {
        const { data } = (await api.get('/system/status')).body;
        expect(data.status).toBe('healthy');
        return data;
      },
      { timeout: 20_000 },
    );
    expect(status).toEqual({
      status: 'healthy',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      uptime: COUNT,
      components: {
        api_server: { status: 'healthy', instance_count: 1 },
        scheduler: { status: 'healthy', leader_id: expect.stringMatching(/./), instance_count: 1 },
        workers: { status: 'healthy', active_count: COUNT, idle_count: COUNT, offline_count: 0 },
        database: { status: 'healthy', connection_count: COUNT },
        redis: { status: 'healthy', memory_usage: COUNT },
      },
      task_stats: { pending: COUNT, running: COUNT, completed_today: COUNT, failed_today: COUNT },
      queue_depths: { high_priority: COUNT, normal_priority: COUNT, low_priority: COUNT },
    });
    const { pending } = status.task_stats;
    const { high_priority, normal_priority, low_priority } = status.queue_depths;
    expect(high_priority + normal_priority + low_priority).toBe(pending);
  });

  it('show metrics, all or some, in buckets of each period', async () => {
    const [well, badly] = [await api.create(), await api.create({ command: 'exit 1', max_retries: 0 })];
    await Promise.all([api.reaches(well, 'completed'), api.reaches(badly, 'failed')]);
    const buckets = { hour: 24, day: 30, week: 12, month: 12 };
    for (const [period, count] of Object.entries(buckets)) {
      const { body } = await api.get(`/system/metrics?period=${period}`);
      expect(Object.keys(body.data)).toEqual(['task_completion_rate', 'error_rate', 'average_execution_time']);
      for (const points of Object.values<Shown[]>(body.data)) {
        expect(points).toHaveLength(count);
        for (const point of points) expect(point).toEqual({ timestamp: TIME, value: COUNT });
      }
      const times = body.data.error_rate.map(({ timestamp }: Shown) => timestamp);
      expect(times).toEqual([...times].sort());
      expect(body.meta).toEqual({ period, start_time: times[0], end_time: times.at(-1) });
    }
    await eventually(async () => {
      const { data } = (await api.get('/system/metrics?metrics=task_completion_rate,error_rate')).body;
      expect(Object.keys(data)).toEqual(['task_completion_rate', 'error_rate']);
      expect(data.task_completion_rate.at(-1).value).toBeGreaterThan(0);
      expect(data.error_rate.at(-1).value).toBeGreaterThan(0);
    });
  });

  it('tell webhooks what happens, in the documented form', async () => {
    const url = listener.url('/hook');
    const events = ['task.created', 'task.started', 'task.completed', 'task.failed', 'task.cancelled', 'task.retrying'];
    const created = await api.post('/webhooks', { url, events, secret: 'a secret' });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      data: { id: expect.stringMatching(/^webhook-\d+$/), url, events, created_at: TIME },
    });
    const { id: webhook } = created.body.data;
    expect((await api.get('/webhooks')).body).toEqual({
      data: [created.body.data],
      meta: { page: 1, limit: 20, total: 1, pages: 1 },
    });
    const id = await api.create({ name: 'Example Task' });
    await eventually(() => expect(told(id)).toEqual(['task.created', 'task.started', 'task.completed']), {
      timeout: 20_000,
    });
    const last = listener.requests.find(({ json }) => (json as Shown).event === 'task.completed')!;
    expect(last.json).toEqual({
      event: 'task.completed',
      timestamp: TIME,
      task: {
        id,
        name: 'Example Task',
        status: 'completed',
        result: 'Task executed successfully',
        started_at: TIME,
        completed_at: TIME,
      },
    });
    expect(last.headers['x-webhook-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);

    const log = await eventually(async () => {
      const { body } = await api.get(`/webhooks/${webhook}/deliveries`);
      expect(body.data.map(({ status }: Shown) => status)).toEqual(['delivered', 'delivered', 'delivered']);
      return body;
    });
    expect(log.meta).toEqual({ page: 1, limit: 20, total: 3, pages: 1 });
    expect(log.data[0]).toEqual({
      id: expect.stringMatching(/^delivery-\d+$/),
      message_id: expect.stringMatching(/./),
      event: 'task.completed',
      status: 'delivered',
      attempts: 1,
      next_attempt_at: null,
      last_status: 200,
      last_error: null,
      created_at: TIME,
      finished_at: TIME,
    });
    expect(last.headers['webhook-id']).toBe(log.data[0].message_id);
    const replayed = await api.post(`/webhooks/${webhook}/deliveries/${log.data[0].id}/replay`);
    expect(replayed.status).toBe(202);
    expect(replayed.body).toEqual({ data: { id: log.data[0].id, status: 'pending' } });
    await eventually(() => expect(told(id).filter((event) => event === 'task.completed')).toHaveLength(2));
    expect((await api.delete(`/webhooks/${webhook}`)).body).toEqual({
      data: { success: true, message: 'Webhook deleted successfully' },
    });
    expect((await api.delete(`/webhooks/${webhook}`)).status).toBe(404);
  });

  function told(task: string): string[] {
    return listener.requests
      .map(({ json }) => json as Shown)
      .filter((body) => body.task?.id === task)
      .map(({ event }) => event);
  }
});
