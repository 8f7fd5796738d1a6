import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { type Shown, TaskTrackerClient, type WorkerClient } from './task-tracker-client';

describe('PostgreSQL does not serve', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let both: TaskTrackerClient;
  let worker: WorkerClient;
  let project: number;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], own: { postgres: true } });
    guest = new TaskTrackerClient(suite.url);
    const admin = await guest.manager('ann');
    worker = await guest.worker();
    both = guest.with({ ...admin.headers, ...worker.headers });
    project = await admin.project({ public: true });
    await admin.grant(worker, project, { assign: true, submit: true });
  });

  afterAll(() => suite?.stop());

  it('every route says 503 with Retry-After, in an envelope; then all goes on', async () => {
    const { paths } = (await guest.get('/openapi/task-tracker.json')).body;
    const id = await worker.submit(project, { max_assign_time: 3_600 });
    const { process } = suite.suite.servers.postgres!;
    await process.stop();
    for (const [path, item] of Object.entries<Shown>(paths)) {
      // needs nothing
      if (path === '/') continue;
      for (const [method, { requestBody, parameters = [] }] of Object.entries<Shown>(item)) {
        const query = parameters
          .filter((parameter: Shown) => parameter.in === 'query')
          .map(({ name }: Shown) => `${name}=1`);
        const address = `${path.replace(/\{\w+\}/g, '1')}?${query.join('&')}`;
        const body = requestBody?.content['application/json'].example as unknown;
        const answer = await both.call(method.toUpperCase(), address, { body });
        expect({ path, method, status: answer.status, text: answer.text }).toEqual({
          path,
          method,
          status: 503,
          text: '{"ok":false,"message":"The database is not available at present"}',
        });
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      }
    }
    await process.start();
    const task = await eventually(() => worker.take(project), { timeout: 30_000 });
    expect(task.id).toBe(id);
    expect(await worker.release(id)).toBe(true);
    expect(suite.log('api-gateway')).not.toContain('request failed');
  });
});
