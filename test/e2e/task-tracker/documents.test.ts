import { startSuite, type TestSuite } from '../../support/start-suite';
import { type Answer, CURL_TYPE, type Shown, TaskTrackerClient, WorkerClient } from './task-tracker-client';

const SECRET = /^[A-Za-z0-9+/]{43}=$/;
const seconds = expect.closeTo(Date.now() / 1000, -3);

/** Requests of the document as printed there, the id and the secret of the worker filled in; curl sends a body as a form. */
describe('the document', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: TaskTrackerClient;
  let worker: WorkerClient;
  let project: number;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    guest = new TaskTrackerClient(suite.url);
    admin = await guest.manager('ann');
  });

  afterAll(() => suite?.stop());

  function curl(method: 'GET' | 'POST', path: string, body?: string, api: TaskTrackerClient = worker): Promise<Answer> {
    return api.call(method, path, { body, type: CURL_TYPE, headers: { accept: '*/*', 'user-agent': 'curl/7.65.0' } });
  }

  function answered(answer: Answer, body: Shown, status = 200): void {
    expect({ status: answer.status, body: answer.body, type: answer.headers['content-type'] }).toEqual({
      status,
      body,
      type: 'application/json',
    });
    expect(answer.headers.server).toBe('task_tracker');
  }

  it('/worker/create', async () => {
    const answer = await curl('POST', '/worker/create', '\n{\n    "alias": "some alias"\n}', guest);
    answered(answer, {
      ok: true,
      content: {
        worker: { id: 1, created: seconds, alias: 'some alias', secret: expect.stringMatching(SECRET), paused: false },
      },
    });
    expect(answer.text).toMatch(
      /^\{"ok":true,"content":\{"worker":\{"id":1,"created":\d+,"alias":.*,"secret":.*,"paused":false\}\}\}$/,
    );
    worker = new WorkerClient(suite.url, answer.body.content.worker);
  });

  it('/worker/update', async () => {
    answered(await curl('POST', '/worker/update', '\n{\n    "alias": "another alias"\n}'), { ok: true });
    expect((await guest.get('/worker/get/1')).body.content.worker.alias).toBe('another alias');
  });

  it('/task/submit, and with the keys that go over the wire', async () => {
    const fields = { clone_url: 'http://github.com/test/test', git_repo: 'myrepo', version: '1.0' };
    project = await admin.project({ name: 'My project', priority: 999, public: true, ...fields });
    await admin.grant(worker, project, { assign: true, submit: true });
    const body = `
{
    "project": 1,
    "max_retries": 3,
    "recipe": "test recipe",
    "priority": 1,
    "max_assign_time": 3600,
    "hash64": 0,
    "unique_string": "",
    "verification_count": 0
}`;
    answered(await curl('POST', '/task/submit', body), { ok: true, content: { id: expect.any(Number) } });
    answered(await curl('POST', '/task/submit', body.replace('hash64', 'hash_u64')), {
      ok: true,
      content: { id: expect.any(Number) },
    });
    const hashed = '{"project":1,"recipe":"r","hash64":-9223372036854775808}';
    expect((await curl('POST', '/task/submit', hashed)).body.ok).toBe(true);
    answered(
      await curl('POST', '/task/submit', hashed),
      { ok: false, message: 'pq: duplicate key value violates unique constraint "project_hash_unique"' },
      400,
    );
  });

  it('/task/bulk_submit', async () => {
    const answer = await curl(
      'POST',
      '/task/bulk_submit',
      '{"requests": [{"project": 1, "recipe": "a", "priority": -1}, {"project": 1, "recipe": "b", "priority": -1}]}',
    );
    answered(answer, { ok: true, content: { ids: [expect.any(Number), expect.any(Number)] } });
  });

  it('/task/get/:project', async () => {
    const answer = await curl('GET', '/task/get/1');
    answered(answer, {
      ok: true,
      content: {
        task: {
          id: expect.any(Number),
          priority: 1,
          assignee: 1,
          retries: 0,
          max_retries: 3,
          status: 1,
          recipe: 'test recipe',
          max_assign_time: 3600,
          assign_time: seconds,
          // a count of 0 is kept as 1
          verification_count: 1,
          project: {
            id: 1,
            priority: 999,
            name: 'My project',
            clone_url: 'http://github.com/test/test',
            git_repo: 'myrepo',
            version: '1.0',
            motd: '',
            public: true,
            hidden: false,
            chain: 0,
            paused: false,
            assign_rate: Number.MAX_VALUE,
            submit_rate: Number.MAX_VALUE,
          },
        },
      },
    });
    expect(answer.text).toContain('"assign_rate":1.7976931348623157e+308');
  });

  it('/task/release', async () => {
    const task = await worker.take(project);
    const body = `\n{ \n    "task_id": ${task.id},\n    "result": 0,\n    "verification": -32315129\n}`;
    answered(await curl('POST', '/task/release', body), { ok: true, content: { updated: true } });
    answered(await curl('POST', '/task/release', body), {
      ok: true,
      message: 'Task was not marked as closed',
      content: { updated: false },
    });
  });

  it('/log/{trace|info|warn|error}', async () => {
    const body = `\n{ \n    "scope": "Arbitrary log category",\n    "message": "message",\n    "timestamp": 1559393394\n}`;
    for (const level of ['trace', 'info', 'warn', 'error']) {
      const answer = await curl('POST', `/log/${level}`, body);
      expect(answer).toMatchObject({ status: 204, text: '', headers: { server: 'task_tracker' } });
    }
    const { logs } = (await guest.post('/logs', { since: 1, level: 5 })).body.content;
    expect(logs).toMatchObject([{ message: 'message', timestamp: 1559393394, level: 5 }]);
  });

  it('/project/request_access', async () => {
    for (let count = 2; count <= 23; count += 1) await admin.project();
    const body = `\n{\n  "assign": true,\n  "submit": true,\n  "project": 23\n}`;
    answered(await curl('POST', '/project/request_access', body), { ok: true });
  });

  it('/project/get/:id', async () => {
    answered(await curl('GET', '/project/get/1', undefined, guest), {
      ok: true,
      content: { project: expect.objectContaining({ id: 1, priority: 999, name: 'My project', chain: 0 }) },
    });
  });

  it('/project/list', async () => {
    const { body } = await curl('GET', '/project/list', undefined, guest);
    expect(body).toMatchObject({ ok: true, content: { projects: expect.any(Array) } });
    expect(body.content.projects).toHaveLength(23);
  });

  it('serves every route under its methods, with a JSON body or none, and nothing else', async () => {
    const routes = (await guest.get('/openapi/task-tracker.json')).body.paths;
    for (const [path, item] of Object.entries<object>(routes)) {
      if (path === '/') continue;
      const address = path.replace(/\{\w+\}/g, '7');
      for (const method of ['get', 'post']) {
        const { text } = await guest.call(method.toUpperCase(), address);
        // one of them is another dialect's where it shares a listener, and unknown there
        expect({ path, method, unknown: /^(Not found|{"error":"Not found"})$/.test(text) }).toEqual({
          path,
          method,
          unknown: !(method in item),
        });
      }
    }
  });
});
