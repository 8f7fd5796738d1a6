import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, everyRoute, expectRefused, TaskSchedulerClient } from './task-scheduler-client';

describe('PostgreSQL does not serve', () => {
  let suite: TestSuite;
  let api: TaskSchedulerClient;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], own: { postgres: true }, env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    api = new TaskSchedulerClient(suite.url);
  });

  afterAll(() => suite?.stop());

  it('every route says 503 with Retry-After, in the envelope; then all goes on', async () => {
    const task = await api.waiting();
    const routes = await everyRoute(api, { task });
    const { process } = suite.suite.servers.postgres!;
    await process.stop();
    for (const { method, path, body } of [...routes, { method: 'GET', path: '/api/nothing', body: undefined }]) {
      const answer = await api.call(method, path, { body });
      expectRefused(answer, 503, 'unavailable');
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    }
    await process.start();
    await eventually(async () => expect((await api.get(`/tasks/${task}`)).status).toBe(200), { timeout: 30_000 });
    expect((await api.get('/tasks')).body.meta.total).toBe(1);
    expect(suite.log('api-gateway')).not.toContain('request failed');
  });
});
