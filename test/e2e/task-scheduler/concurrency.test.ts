import { startSuite, type TestSuite } from '../../support/start-suite';
import { type Answer, BOOTSTRAP, expectRefused, query, type Shown, TaskSchedulerClient } from './task-scheduler-client';

describe('many requests at one time', () => {
  let suite: TestSuite;
  let gateways: TaskSchedulerClient[];
  let api: TaskSchedulerClient;

  beforeAll(async () => {
    suite = await startSuite({
      apps: ['api-gateway'],
      replicas: 2,
      env: { BOOTSTRAP_CLIENTS: BOOTSTRAP, DTS_RATE_LIMIT: '100000' },
    });
    gateways = [1, 2].map((replica) => new TaskSchedulerClient(suite.suite.url('api-gateway', replica)));
    [api] = gateways as [TaskSchedulerClient];
  });

  afterAll(() => suite?.stop());

  const each = <Result>(count: number, work: (gateway: TaskSchedulerClient, n: number) => Promise<Result>) =>
    Promise.all(Array.from({ length: count }, (_, n) => work(gateways[n % 2]!, n)));
  const codes = (answers: Answer[]) =>
    answers.reduce<Record<number, number>>((sum, { status }) => ({ ...sum, [status]: (sum[status] ?? 0) + 1 }), {});

  it('fifty creates at a time make a task each', async () => {
    const ids = new Set<string>();
    for (let round = 0; round < 10; round += 1)
      for (const id of await each(50, (gateway, n) => gateway.waiting({ name: `${round}/${n}`, tags: ['burst'] })))
        ids.add(id);
    expect(ids.size).toBe(500);
    expect((await api.get('/tasks?tag=burst')).body.meta).toMatchObject({ total: 500, pages: 25 });
    const pages = await each(5, (gateway, n) => gateway.get(`/tasks?tag=burst&limit=100&page=${n + 1}`));
    expect(new Set(pages.flatMap(({ body }) => body.data.map(({ id }: Shown) => id)))).toEqual(ids);
  });

  it('fifty creates that depend on one task and on each other are all counted', async () => {
    const parent = await api.waiting();
    const children = await each(50, (gateway) => gateway.create({ dependencies: [parent] }));
    const last = await api.create({ dependencies: children });
    expect((await api.task(last)).blocked_by).toHaveLength(50);
    const edges = await query(suite.databaseUrl, `SELECT count(*)::int AS n FROM graph_edge`);
    expect(edges[0].n).toBe(100);
  });

  it('of two changes that would close a circle together one is refused', async () => {
    for (let round = 0; round < 20; round += 1) {
      const [a, b] = [await api.waiting(), await api.waiting()];
      const answers = await Promise.all([
        gateways[0]!.put(`/tasks/${a}`, { dependencies: [b] }),
        gateways[1]!.put(`/tasks/${b}`, { dependencies: [a] }),
      ]);
      expect(codes(answers)).toEqual({ 200: 1, 422: 1 });
    }
  });

  it('a task is cancelled once and deleted once, however many ask', async () => {
    const id = await api.waiting();
    const cancelled = await each(20, (gateway) => gateway.post(`/tasks/${id}/cancel`));
    expect(codes(cancelled)).toEqual({ 200: 1, 409: 19 });
    for (const answer of cancelled.filter(({ status }) => status === 409)) expectRefused(answer, 409, 'conflict');
    expect(codes(await each(20, (gateway) => gateway.delete(`/tasks/${id}`)))).toEqual({ 200: 1, 404: 19 });
  });

  it('a parent is deleted or depended on, never both', async () => {
    for (let round = 0; round < 20; round += 1) {
      const parent = await api.waiting();
      const [deleted, created] = await Promise.all([
        gateways[0]!.delete(`/tasks/${parent}`),
        gateways[1]!.post('/tasks', { name: 'n', command: 'true', dependencies: [parent] }),
      ]);
      expect([
        [200, 422],
        [409, 201],
      ]).toContainEqual([deleted.status, created.status]);
    }
  });

  it('changes of one task at a time leave one of them, whole', async () => {
    const id = await api.waiting();
    const answers = await each(30, (gateway, n) =>
      gateway.put(`/tasks/${id}`, { name: `n${n}`, description: `n${n}`, priority: 1 + (n % 10) }),
    );
    expect(codes(answers)).toEqual({ 200: 30 });
    const { name, description, priority } = await api.task(id);
    expect(description).toBe(name);
    expect(priority).toBe(1 + (Number(name.slice(1)) % 10));
  });

  it('webhooks are a hundred for each client at most', async () => {
    const body = { url: 'https://example.com/', events: ['worker.offline'] };
    const answers = await each(130, (gateway) => gateway.other.post('/webhooks', body));
    expect(codes(answers)).toEqual({ 201: 100, 422: 30 });
    expectRefused(
      answers.find(({ status }) => status === 422)!,
      422,
      'validation_error',
    );
    expect((await api.other.get('/webhooks')).body.meta.total).toBe(100);
    expect((await api.post('/webhooks', body)).status).toBe(201);
    const { id } = answers.find(({ status }) => status === 201)!.body.data;
    expect((await api.other.delete(`/webhooks/${id}`)).status).toBe(200);
    expect((await api.other.post('/webhooks', body)).status).toBe(201);
  });

  it('nothing failed as a fault of a gateway', () => {
    for (const replica of [1, 2]) expect(suite.log('api-gateway', replica)).not.toContain('request failed');
  });
});
