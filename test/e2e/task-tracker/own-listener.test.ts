import { connect } from 'node:net';
import { freePort } from '../../../scripts/local/ports';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { TaskTrackerClient, TEXT } from './task-tracker-client';

const CORS = {
  'access-control-allow-headers': 'Content-Type',
  'access-control-allow-methods': 'GET, POST, OPTION',
  'access-control-allow-origin': '*',
};

describe('a listener of its own', () => {
  let suite: TestSuite;
  let url: string;
  let api: TaskTrackerClient;
  let main: TaskTrackerClient;

  beforeAll(async () => {
    const port = await freePort();
    suite = await startSuite({ apps: ['api-gateway'], env: { TASK_TRACKER_PORT: String(port) } });
    url = `http://127.0.0.1:${port}`;
    api = new TaskTrackerClient(url);
    main = new TaskTrackerClient(suite.url);
  });

  afterAll(() => suite?.stop());

  it('tells where it listens', () => {
    expect(suite.log('api-gateway')).toContain(`"url":"${url}"`);
  });

  it('has its own root', async () => {
    const answer = await api.get('/');
    expect(answer).toMatchObject({
      status: 200,
      text: '{"ok":true,"content":{"name":"task_tracker","version":"1.1"}}',
      headers: { 'content-type': 'application/json', server: 'task_tracker' },
    });
    expect((await main.get('/')).body).toEqual({ result: 'alive' });
  });

  it('answers what is no HTTP in its own words', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write('FOO /nowhere HTTP/1.1\r\n\r\n'));
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: text\/plain; charset=utf-8\r\n/);
    expect(text).toMatch(/\r\n\r\nError when parsing request$/);
  });

  it('has nothing of the others', async () => {
    const foreign = [
      '/livez',
      '/readyz',
      '/metrics',
      '/docs',
      '/openapi/task-tracker.json',
      '/job/1',
      '/jobs',
      '/logs/1',
    ];
    for (const path of [...foreign, '/tasks/', '/healthcheck', '/dashboard', '/x', '/-', '/a%2Fb', '/%zz'])
      expect(await api.get(path)).toMatchObject({
        status: 404,
        text: 'Not found',
        headers: { 'content-type': TEXT, server: 'task_tracker' },
      });
    for (const path of ['/livez', '/metrics', '/openapi/task-tracker.json'])
      expect(await main.get(path)).toMatchObject({ status: 200 });
  });

  it.each([
    ['GET', '/task/submit'],
    ['POST', '/task/get/1'],
    ['PUT', '/worker/create'],
    ['DELETE', '/project/get/1'],
    ['GET', '/project/list/'],
    ['GET', '/project/List'],
    ['GET', '/task/get'],
    ['POST', '/log/debug'],
    ['GET', '/project'],
    ['HEAD', '/project/list'],
  ])('knows no %s %s, on the shared listener neither', async (method, path) => {
    for (const client of [api, main])
      expect(await client.call(method, path)).toMatchObject({
        status: 404,
        text: method === 'HEAD' ? '' : 'Not found',
        headers: { 'content-type': TEXT, server: 'task_tracker' },
      });
  });

  it('answers OPTIONS for every address; the shared one for those of the dialect', async () => {
    for (const path of ['/', '/x', '/task/submit', '/livez'])
      expect(await api.call('OPTIONS', path)).toMatchObject({ status: 200, text: '', headers: CORS });
    for (const path of ['/task/submit', '/logs', '/login', '/worker/x'])
      expect(await main.call('OPTIONS', path)).toMatchObject({ status: 200, text: '', headers: CORS });
    expect((await main.call('OPTIONS', '/jobs')).headers).not.toHaveProperty('access-control-allow-methods');
    expect((await api.get('/project/list')).headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('takes doubled slashes for one and ids as they are encoded, as the shared one does', async () => {
    for (const client of [api, main]) {
      expect((await client.get('//project//list')).body).toEqual({ ok: true, content: { projects: [] } });
      expect((await client.post('//worker/create', { alias: 'a' })).status).toBe(200);
      for (const id of ['%31', '+1', '01'])
        expect((await client.get(`/worker/get/${id}`)).body.content.worker.id).toBe(1);
    }
  });

  it('serves a whole client: what comes in by one listener is read by the other', async () => {
    const admin = await api.manager('ann');
    const project = await admin.project({ public: true });
    const worker = await api.worker();
    await main.with(admin.headers).grant(worker, project, { submit: true });
    const id = await worker.submit(project);
    const elsewhere = main.with(worker.headers);
    expect((await elsewhere.get(`/task/get/${project}`)).body.content.task.id).toBe(id);
    expect(await worker.release(id)).toBe(true);
  });

  it('closes with the other one', async () => {
    await suite.suite.restart('api-gateway');
    expect((await api.get('/')).status).toBe(200);
  });
});
