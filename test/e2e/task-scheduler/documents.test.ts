import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, FAR, type Shown, TASK_ID, TaskSchedulerClient, TIME, WORKER_ID } from './task-scheduler-client';

/** Keys of a task in the document's order. */
const TASK_KEYS = [
  'id',
  'name',
  'description',
  'command',
  'status',
  'priority',
  'retry_count',
  'max_retries',
  'created_at',
  'updated_at',
  'scheduled_at',
  'started_at',
  'completed_at',
  'timeout_seconds',
  'tags',
  'dependencies',
  'worker_id',
  'result',
  'error',
  'checkpoint_data',
];

const CHECKPOINT = {
  current_step: 3,
  processed_items: 150,
  last_processed_id: 'item-789',
  custom_data: { key1: 'value1', key2: 'value2' },
};

describe("the document's examples of tasks", () => {
  let suite: TestSuite;
  let api: TaskSchedulerClient;
  /** Tasks that stand for task-100, task-101 and task-102. */
  let parents: string[];
  let example: object;

  beforeAll(async () => {
    suite = await startSuite({ env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskSchedulerClient(suite.url);
    parents = [await api.waiting(), await api.waiting(), await api.waiting()];
    example = {
      name: 'Example Task',
      description: 'This is an example task',
      command: "echo 'Hello World'",
      priority: 5,
      max_retries: 3,
      scheduled_at: '2023-06-15T12:00:00Z',
      timeout_seconds: 3600,
      tags: ['example', 'demo'],
      dependencies: parents.slice(0, 2),
      checkpoint_enabled: true,
    };
  });

  afterAll(() => suite?.stop());

  const shown = () => ({
    id: TASK_ID,
    name: 'Example Task',
    description: 'This is an example task',
    command: "echo 'Hello World'",
    status: 'pending',
    priority: 5,
    retry_count: 0,
    max_retries: 3,
    created_at: TIME,
    updated_at: TIME,
    scheduled_at: '2023-06-15T12:00:00Z',
    started_at: null,
    completed_at: null,
    timeout_seconds: 3600,
    tags: ['example', 'demo'],
    dependencies: parents.slice(0, 2),
    worker_id: null,
    result: null,
    error: null,
    checkpoint_data: null,
  });

  it('create, get, update, delete a task', async () => {
    const created = await api.post('/tasks', example);
    expect(created.status).toBe(201);
    expect(created.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(created.body).toEqual({ data: { ...shown(), checkpoint_enabled: true } });
    expect(Object.keys(created.body.data)).toEqual([...TASK_KEYS, 'checkpoint_enabled']);
    const { id } = created.body.data;

    const found = await api.get(`/tasks/${id}`);
    expect(found.status).toBe(200);
    expect(found.body).toEqual({
      data: {
        ...shown(),
        wait_reason: 'Dependency',
        blocked_by: parents.slice(0, 2).map((parent) => ({ id: parent, status: 'pending' })),
      },
    });

    const change = {
      name: 'Updated Task Name',
      description: 'Updated task description',
      priority: 8,
      max_retries: 5,
      scheduled_at: '2023-06-16T12:00:00Z',
      timeout_seconds: 7200,
      tags: ['updated', 'example'],
      dependencies: parents,
    };
    const updated = await api.put(`/tasks/${id}`, change);
    expect(updated.status).toBe(200);
    expect(updated.body).toEqual({ data: { ...shown(), ...change } });
    expect(Object.keys(updated.body.data)).toEqual(TASK_KEYS);
    const partly = await api.put(`/tasks/${id}`, { priority: 9 });
    expect(partly.body).toEqual({ data: { ...shown(), ...change, priority: 9 } });
    expect((await api.put(`/tasks/${id}`, {})).body).toEqual(partly.body);

    const deleted = await api.delete(`/tasks/${id}`);
    expect(deleted.status).toBe(200);
    expect(deleted.body).toEqual({ data: { success: true, message: 'Task deleted successfully' } });
    expect((await api.get(`/tasks/${id}`)).status).toBe(404);
  });

  it('list tasks: by status, tag, page, sorted either way', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1)
      ids.push(await api.waiting({ name: `listed ${n}`, tags: ['listed'], priority: [3, 9, 5, 9, 1][n] }));
    const list = async (query: string) => (await api.get(`/tasks?tag=listed&${query}`)).body;
    const order = async (query: string) => (await list(query)).data.map(({ id }: Shown) => ids.indexOf(id));
    const page = await list('limit=2&page=2');
    expect(page.meta).toEqual({ page: 2, limit: 2, total: 5, pages: 3 });
    for (const task of page.data) expect(Object.keys(task)).toEqual(TASK_KEYS);
    expect(await order('')).toEqual([4, 3, 2, 1, 0]);
    expect(await order('limit=2&page=2')).toEqual([2, 1]);
    expect(await order('limit=2&page=4')).toEqual([]);
    expect(await order('order=asc')).toEqual([0, 1, 2, 3, 4]);
    expect((await order('sort=priority&order=desc')).slice(2)).toEqual([2, 0, 4]);
    expect((await order('sort=priority&order=asc')).slice(0, 3)).toEqual([4, 0, 2]);
    expect(await order('sort=name&order=asc')).toEqual([0, 1, 2, 3, 4]);
    expect((await list('status=running')).meta).toEqual({ page: 1, limit: 20, total: 0, pages: 0 });
    expect((await list('status=pending')).meta.total).toBe(5);
    expect((await api.get('/tasks?status=pending&sort=priority&order=desc')).status).toBe(200);
  });

  it('run a task, read its log', async () => {
    const command = `echo 'Processing step 1'; echo 'Error in step 2: File not found' >&2; sleep 0.2; echo done`;
    const id = await api.create({ name: 'Example Task', command });
    const done = await api.reaches(id, 'completed');
    expect(done).toMatchObject({ started_at: TIME, completed_at: TIME, worker_id: WORKER_ID, error: null });
    expect(done.result).toBe('Processing step 1\ndone');
    expect(Object.keys(done)).toEqual(TASK_KEYS);
    const log = await eventually(async () => {
      const { status, body } = await api.get(`/tasks/${id}/logs`);
      expect(status).toBe(200);
      expect(body.meta).toEqual({ limit: 100, offset: 0, total: 4 });
      return body.data as Shown[];
    });
    expect(log[0]).toEqual({ timestamp: TIME, level: 'info', message: 'Task started execution' });
    for (const line of log) expect(Object.keys(line)).toEqual(['timestamp', 'level', 'message']);
    expect(log.map(({ level, message }) => `${level} ${message}`).sort()).toEqual([
      'error Error in step 2: File not found',
      'info Processing step 1',
      'info Task started execution',
      'info done',
    ]);
    const errors = (await api.get(`/tasks/${id}/logs?level=error`)).body;
    expect(errors).toEqual({
      data: [{ timestamp: TIME, level: 'error', message: 'Error in step 2: File not found' }],
      meta: { limit: 100, offset: 0, total: 1 },
    });
    expect((await api.get(`/tasks/${id}/logs?limit=2&offset=3`)).body).toEqual({
      data: [log[3]],
      meta: { limit: 2, offset: 3, total: 4 },
    });
  });

  it('say in words of their own that a silent task went well', async () => {
    expect(await api.reaches(await api.create(), 'completed')).toMatchObject({ result: 'Task executed successfully' });
  });

  it('cancel a pending and a running task', async () => {
    const pending = await api.waiting();
    const running = await api.create({ command: 'sleep 300' });
    await api.reaches(running, 'running');
    for (const id of [pending, running]) {
      const answer = await api.post(`/tasks/${id}/cancel`);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ data: { id, status: 'cancelled', updated_at: TIME } });
      expect(Object.keys(answer.body.data)).toEqual(['id', 'status', 'updated_at']);
      expect(await api.task(id)).toMatchObject({ status: 'cancelled' });
    }
  });

  it('retry a failed task', async () => {
    const id = await api.create({ command: 'exit 3', max_retries: 0 });
    expect(await api.reaches(id, 'failed')).toMatchObject({ retry_count: 0, result: null });
    expect((await api.task(id)).error).toContain('exit code 3');
    const answer = await api.post(`/tasks/${id}/retry`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ data: { id, status: 'pending', retry_count: 1, updated_at: TIME } });
    expect(Object.keys(answer.body.data)).toEqual(['id', 'status', 'retry_count', 'updated_at']);
    await eventually(async () => expect(await api.task(id)).toMatchObject({ status: 'failed', retry_count: 1 }));
  });

  it('store a checkpoint of a running task, as its client and as its command', async () => {
    const id = await api.create({ command: 'sleep 300', checkpoint_enabled: true });
    await api.reaches(id, 'running');
    const answer = await api.post(`/tasks/${id}/checkpoint`, { checkpoint_data: CHECKPOINT });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ data: { id, checkpoint_data: CHECKPOINT, updated_at: TIME } });
    expect(
      (await api.post(`/tasks/${id}/checkpoint`, { checkpoint_data: { step: 4 } })).body.data.checkpoint_data,
    ).toEqual({
      step: 4,
    });
    expect((await api.task(id)).checkpoint_data).toEqual({ step: 4 });
    await api.post(`/tasks/${id}/cancel`);

    const without = await api.create({ command: 'sleep 300' });
    await api.reaches(without, 'running');
    expect((await api.post(`/tasks/${without}/checkpoint`, { checkpoint_data: {} })).status).toBe(409);
    await api.post(`/tasks/${without}/cancel`);
  });

  it('a command stores its checkpoint with its own token, and its next try gets it', async () => {
    const command = `
      if [ -n "$CHECKPOINT_DATA" ]; then echo "resumed with $CHECKPOINT_DATA"; exit 0; fi
      node -e '
        const { TASK_ID, TASK_API_URL, TASK_API_TOKEN } = process.env;
        const headers = { authorization: "Bearer " + TASK_API_TOKEN, "content-type": "application/json" };
        const body = JSON.stringify({ checkpoint_data: { step: 1, text: "a \\u0027 quote" } });
        fetch(TASK_API_URL + "/tasks/" + TASK_ID + "/checkpoint", { method: "POST", headers, body }).then((answer) =>
          console.log("stored", answer.status));
      '
      exit 1`;
    const id = await api.create({ command, checkpoint_enabled: true, max_retries: 1 });
    const done = await api.reaches(id, 'completed', 30_000);
    expect(done).toMatchObject({ retry_count: 1, checkpoint_data: { step: 1, text: "a ' quote" } });
    expect(done.result).toMatch(/^resumed with \{/);
    expect(JSON.parse(done.result.slice('resumed with '.length))).toEqual({ step: 1, text: "a ' quote" });
  });

  it('say of a pending task why it waits', async () => {
    const reason = async (fields: object) => (await api.task(await api.create(fields))).wait_reason;
    expect(await reason({ scheduled_at: FAR })).toBe('RunAt');
    expect(await reason({ dependencies: [parents[0]] })).toBe('Dependency');
    expect(await reason({ worker_tags: ['no-such-machine'] })).toBe('NoWorker');
    const { worker_tags, status } = await api.task(await api.create({ worker_tags: ['b', 'a'] }));
    expect({ worker_tags: [...worker_tags].sort(), status }).toEqual({ worker_tags: ['a', 'b'], status: 'pending' });
  });
});
