import { startSuite, type TestSuite } from '../../support/start-suite';
import { type Answer, BOOTSTRAP, expectRefused, FAR, query, TaskSchedulerClient } from './task-scheduler-client';

const TASK = { name: 'once', command: 'true', scheduled_at: FAR };

describe('a task that is made with an Idempotency-Key', () => {
  let suite: TestSuite;
  let api: TaskSchedulerClient;
  let gateways: TaskSchedulerClient[];

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], replicas: 2, env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    gateways = [1, 2].map((replica) => new TaskSchedulerClient(suite.suite.url('api-gateway', replica)));
    [api] = gateways as [TaskSchedulerClient];
  });

  afterAll(() => suite?.stop());

  const make = (key: string, body: object = TASK, by = api): Promise<Answer> =>
    by.call('POST', '/tasks', { body, headers: { 'idempotency-key': key } });
  const idOf = ({ body }: Answer) => body.data.id as string;

  it('is made once, however often it is sent, at one time and to several gateways', async () => {
    await api.post('/webhooks', { url: 'https://example.com/', events: ['task.created'] });
    const parent = await api.waiting();
    const body = { ...TASK, dependencies: [parent, parent], checkpoint_enabled: true };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => make('burst', body, gateways[n % 2])));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201));
    const [id, ...others] = new Set(answers.map(idOf));
    expect(others).toEqual([]);
    expect(answers[19]!.body).toEqual(answers[0]!.body);
    expect(answers[0]!.body.data).toMatchObject({ dependencies: [parent], checkpoint_enabled: true });
    expect(await api.task(id!)).toMatchObject({ wait_reason: 'Dependency', blocked_by: [{ id: parent }] });
    const deliveries = `SELECT count(*)::int AS n FROM delivery WHERE job_id = $1`;
    expect(await query(suite.databaseUrl, deliveries, [id!.slice('task-'.length)])).toEqual([{ n: 1 }]);
    expect((await api.get('/tasks')).body.meta.total).toBe(2);
  });

  it('is answered as it is by then, whatever the order of the fields', async () => {
    const id = idOf(await make('later'));
    await api.post(`/tasks/${id}/cancel`);
    const again = await make('"later"', { scheduled_at: FAR, command: 'true', name: 'once' }, gateways[1]);
    expect(again).toMatchObject({ status: 201, body: { data: { id, status: 'cancelled' } } });
    await api.delete(`/tasks/${id}`);
    expectRefused(await make('later'), 409, 'conflict');
  });

  it('is another one under another key, and for another client', async () => {
    const made = [await make('a'), await make('b'), await make('a', TASK, api.other)];
    expect(new Set(made.map(idOf)).size).toBe(3);
  });

  it('takes no key that was used for something else, and none that is none', async () => {
    await make('used');
    expectRefused(await make('used', { ...TASK, name: 'another' }), 422, 'validation_error');
    for (const key of ['', 'x'.repeat(256), 'ü']) expectRefused(await make(key), 400, 'bad_request');
  });

  it('leaves the key of a request that was refused unused', async () => {
    expectRefused(await make('free', { ...TASK, priority: 0 }), 422, 'validation_error');
    expectRefused(await make('free', { ...TASK, dependencies: ['task-999999'] }), 422, 'validation_error');
    expect((await make('free')).status).toBe(201);
  });
});
