import { createHmac } from 'node:crypto';
import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, query, type Shown, TaskSchedulerClient, TIME } from './task-scheduler-client';

const TASK_EVENTS = ['created', 'started', 'completed', 'failed', 'cancelled', 'retrying'].map(
  (name) => `task.${name}`,
);
const SECRET = 'of the webhook';

let suite: TestSuite;
let api: TaskSchedulerClient;
let listener: CallbackListener;

beforeAll(async () => {
  listener = await CallbackListener.start();
  suite = await startSuite({ env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
  api = new TaskSchedulerClient(suite.url);
}, 120_000);

afterAll(async () => {
  await listener.close();
  await suite.stop();
});

/** @returns its id */
async function subscribe(path: string, events = TASK_EVENTS, by = api): Promise<string> {
  const { body } = await by.post('/webhooks', { url: listener.url(path), events, secret: SECRET });
  return body.data.id as string;
}

/** What a path has heard, in the order of arrival. */
const heard = (path: string) => listener.to(path).map(({ json }) => json as { event: string; task: Shown });

async function hears(path: string, events: string[], timeout = 20_000): Promise<{ event: string; task: Shown }[]> {
  await eventually(() => expect(heard(path).map(({ event }) => event)).toEqual(events), { timeout });
  return heard(path);
}

describe('webhooks', () => {
  it('tell the life of a task in order, its further tries too', async () => {
    await subscribe('/life');
    const command = 'echo attempt; false';
    const id = await api.create({ name: 'twice', command, max_retries: 1 });
    const events = await hears('/life', [
      'task.created',
      'task.started',
      'task.retrying',
      'task.started',
      'task.failed',
    ]);
    expect(events.map(({ task }) => [task.id, task.name, task.status])).toEqual([
      [id, 'twice', 'pending'],
      [id, 'twice', 'running'],
      [id, 'twice', 'pending'],
      [id, 'twice', 'running'],
      [id, 'twice', 'failed'],
    ]);
    expect(events[4]!.task).toMatchObject({ result: null, started_at: TIME, completed_at: TIME });
    await api.post(`/tasks/${id}/retry`);
    // by hand, with all its tries again
    const again = ['task.retrying', 'task.started', 'task.retrying', 'task.started', 'task.failed'];
    await hears('/life', [...events.map(({ event }) => event), ...again]);
  });

  it('tell the clients whose tasks they are, and nobody else', async () => {
    await subscribe('/theirs', TASK_EVENTS, api.other);
    await subscribe('/ours', ['task.cancelled']);
    const id = await api.waiting();
    await api.post(`/tasks/${id}/cancel`);
    const [cancelled] = await hears('/ours', ['task.cancelled']);
    expect(cancelled!.task).toMatchObject({ id, status: 'cancelled' });
    const { status } = await api.other.get(`/tasks/${id}`);
    expect(status).toBe(404);
    expect(heard('/theirs')).toEqual([]);
  });

  it('are told twice more within 30 s when they fail, with the same body and id, although the task is gone', async () => {
    listener.answer('/weak', { status: 500 }, { status: 500 }, { status: 200 });
    const webhook = await subscribe('/weak', ['task.created']);
    const id = await api.waiting();
    await eventually(() => expect(listener.to('/weak')).toHaveLength(1));
    expect((await api.delete(`/tasks/${id}`)).status).toBe(200);
    await eventually(() => expect(listener.to('/weak')).toHaveLength(3), { timeout: 40_000 });
    const [first, second, third] = listener.to('/weak');
    expect(third!.receivedAt.getTime() - first!.receivedAt.getTime()).toBeLessThan(30_000);
    for (const { body, headers } of [second!, third!]) {
      expect(body).toBe(first!.body);
      expect(headers['x-webhook-id']).toBe(first!.headers['x-webhook-id']);
      const hmac = createHmac('sha256', SECRET).update(body).digest('hex');
      expect(headers['x-webhook-signature']).toBe(`sha256=${hmac}`);
    }
    await eventually(async () => {
      const { body } = await api.get(`/webhooks/${webhook}/deliveries`);
      expect(body.data).toMatchObject([{ event: 'task.created', status: 'delivered', attempts: 3 }]);
    });
    expect(suite.log('callback-dispatcher')).not.toContain(SECRET);
  }, 60_000);

  it('cost a task nothing that it could fail of: one that cannot be reached is only noted', async () => {
    await api.post('/webhooks', { url: 'http://127.0.0.1:1/nobody', events: TASK_EVENTS });
    await api.reaches(await api.create(), 'completed');
    await eventually(async () => {
      const rows = await query(
        suite.databaseUrl,
        `SELECT last_status FROM delivery WHERE url LIKE '%nobody' AND attempts > 0 LIMIT 1`,
      );
      expect(rows).toEqual([{ last_status: null }]);
    });
  });
});
