import { randomUUID } from 'node:crypto';
import { Agent, get, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { type Call, FastlaneClient, HTML } from './fastlane-client';

const UNKNOWN = randomUUID();

describe('addresses and answers on the main port', () => {
  let suite: TestSuite;
  let api: FastlaneClient;
  let job: string;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], env: { TRUST_PROXY: '127.0.0.1' } });
    api = new FastlaneClient(suite.url);
    const { jobId } = await api.enqueue('t1');
    job = `/tasks/t1/jobs/${jobId}`;
  });

  afterAll(() => suite?.stop());

  it.each(['/tasks', '/status', '/tasks/t1', '/search?query=a', `/tasks/t1/jobs/${UNKNOWN}/logs`])(
    'GET %s is redirected to the address with a slash',
    async (path) => {
      for (const method of ['GET', 'HEAD']) {
        const answer = await api.call(method, path);
        expect(answer.status).toBe(308);
        expect(answer.headers).toMatchObject({
          location: `${suite.url}${path.replace(/(\?|$)/, '/$1')}`,
          'content-type': HTML,
        });
        if (method === 'GET') expect(answer.text).toContain('<title>308');
      }
    },
  );

  it.each([
    ['DELETE', '/tasks/', 'GET, HEAD, OPTIONS'],
    ['PUT', '/tasks/t1/', 'GET, HEAD, OPTIONS, POST'],
    ['GET', '/docker-executor/blacklist', 'DELETE, OPTIONS, POST, PUT'],
    ['GET', `/tasks/t1/jobs/${UNKNOWN}/stop/`, 'OPTIONS, POST'],
    ['POST', '/healthcheck', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/tasks/', 'GET, HEAD, OPTIONS'],
  ])('%s %s is a wrong method', async (method, path, allow) => {
    const answer = await api.call(method, path, { body: '{"a":' });
    expect(answer).toMatchObject({ status: 405, headers: { allow, 'content-type': HTML } });
    expect(answer.text).toContain('<title>405 Method Not Allowed</title>');
  });

  it.each([
    '/healthcheck/',
    '/docker-executor/blacklist/',
    '/docker-executor',
    '/tasks/a%2Fb/',
    '/tasks/a%zz/',
    '/tasks/%00/',
    '/tasks/%ff/',
    '/tasks//',
    '/status/more/',
    '/routes/',
    '/tasks/t1/jobs/',
    `/tasks/t1/jobs/${UNKNOWN}/ws/`,
    '/tasks/?page=2',
    '/tasks/?page=99999999999999999999999',
    '/search/?query=t1&page=2',
  ])('GET %s is not there', async (path) => {
    const answer = await api.get(path);
    expect(answer).toMatchObject({ status: 404, headers: { 'content-type': HTML } });
    expect(answer.text).toContain('<title>404 Not Found</title>');
  });

  it.each([
    'dots.and spaces',
    'ünï-çødé 😀',
    '%2F literally',
    'a+b&c=d?e#f',
    '<b>"bold"</b>'.replace('/', ''),
    'x'.repeat(500),
  ])('a task may be called %s', async (task) => {
    const { jobId, taskUrl, jobUrl } = await api.enqueue(task);
    for (const url of [taskUrl, jobUrl]) expect((await fetch(url)).status).toBe(200);
    const { pathname } = new URL(taskUrl);
    expect((await api.get(pathname)).body).toMatchObject({ taskId: task, jobs: [{ id: jobId }] });
  });

  it('follows the slash rules of writes: with and without', async () => {
    for (const path of [`${job}/stop`, `${job}/stop/`]) expect((await api.post(path)).status).toBe(200);
    for (const path of ['/tasks/t2', '/tasks/t2/'])
      expect((await api.post(path, { image: 'a', command: 'b' })).status).toBe(200);
    for (const path of [`/tasks/t2/jobs/${randomUUID()}`, `/tasks/t2/job/${randomUUID()}/`])
      expect((await api.call('PUT', path, { body: { image: 'a', command: 'b' } })).status).toBe(200);
  });

  it('answers HEAD as GET without a body, and OPTIONS with the methods', async () => {
    const [get, head] = [await api.get('/tasks/'), await api.call('HEAD', '/tasks/')];
    expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-type': 'application/json' } });
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
    expect(await api.call('OPTIONS', '/tasks/t1')).toMatchObject({
      status: 200,
      text: '',
      headers: { allow: 'GET, HEAD, OPTIONS, POST' },
    });
    expect((await api.call('OPTIONS', '/tasks/t1/nothing')).status).toBe(404);
  });

  it('writes JSON compactly, sorted, in ASCII, with a newline at its end', async () => {
    await api.enqueue('ünï');
    const { text, headers } = await api.get('/tasks/%C3%BCn%C3%AF/');
    expect(headers['content-type']).toBe('application/json');
    expect(text).toMatch(
      /^\{"jobs":\[\{"createdAt":"[^"]+","id":"[^"]+","url":"[^"]+"\}\],"taskId":"\\u00fcn\\u00ef"\}\n$/,
    );
  });

  it('packs JSON for who takes gzip, and nothing else', async () => {
    const plain = await api.get('/tasks/');
    expect(plain.headers).toMatchObject({ vary: 'Accept-Encoding' });
    expect(plain.headers).not.toHaveProperty('content-encoding');
    for (const encoding of ['gzip', 'br, gzip;q=0.5', '*']) {
      const packed = await api.get('/tasks/', { headers: { 'accept-encoding': encoding } });
      expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
      expect(packed.headers['content-length']).toBe(String(packed.bytes.length));
      expect(gunzipSync(packed.bytes).toString()).toBe(plain.text);
    }
    const taking = { headers: { 'accept-encoding': 'gzip' } };
    for (const [method, path, call] of [
      ['GET', '/tasks/', { headers: { 'accept-encoding': 'gzip;q=0, deflate' } }],
      ['GET', '/tasks/nothing/', taking],
      ['GET', '/tasks/?page=0', taking],
      ['GET', '/nothing', taking],
      ['POST', '/tasks/t1/', taking],
      ['GET', `${job}/stream/`, taking],
    ] as [string, string, Call][])
      expect((await api.call(method, path, call)).headers).not.toHaveProperty('content-encoding');
  });

  it('lets pages of every origin use it, errors included', async () => {
    const origin = 'https://page.example';
    for (const path of ['/tasks/', '/tasks/nothing/', '/tasks/t1', '/tasks/a/b/', '/status/?', `${job}/logs/`]) {
      expect((await api.get(path)).headers['access-control-allow-origin']).toBe('*');
      const { headers } = await api.get(path, { headers: { origin } });
      expect(headers['access-control-allow-origin']).toBe(origin);
      expect(headers.vary).toContain('Origin');
    }
    const preflight = await api.call('OPTIONS', '/tasks/t1/', {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });
    expect(preflight).toMatchObject({
      status: 200,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
        'access-control-allow-headers': 'content-type',
      },
    });
    expect((await api.get('/jobs', { headers: { origin } })).headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('names itself as the request does, and by its own address when that cannot be believed', async () => {
    const urlOf = async (headers: Record<string, string>) =>
      (await api.get('/tasks/?page=1', { headers })).body.items[0].url;
    expect(await urlOf({ host: 'fastlane.example:10000' })).toBe('http://fastlane.example:10000/tasks/t1/');
    for (const host of ['', 'evil.example/x', 'a"b', 'a b', `${'x'.repeat(400)}.example`])
      expect(await urlOf({ host })).toBe(`${suite.url}/tasks/t1/`);
    expect(await urlOf({ host: 'a', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'proxy.example' })).toBe(
      'https://proxy.example/tasks/t1/',
    );
    expect(await send(suite, Buffer.from('GET /tasks/ HTTP/1.0\r\n\r\n'))).toContain(`${suite.url}/tasks/t1/`);
    const redirect = await api.get('//evil.example/..%2f', { headers: { host: 'a' } });
    expect(redirect.headers).not.toHaveProperty('location');
  });

  it('sends text that came from outside so that no browser runs it', async () => {
    const answers = [
      await api.call('PUT', '/tasks/t1/jobs/%3Cscript%3E/', { body: {} }),
      await api.get(`${job}/logs/`),
      await api.get('/nothing-here', { headers: {} }).then(() => api.get('/tasks/<b>/x/')),
    ];
    for (const { headers } of answers)
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none'; sandbox",
        'x-content-type-options': 'nosniff',
      });
  });

  it('shows a page that follows a log, also of what does not exist', async () => {
    for (const path of [`${job}/stream/`, `/tasks/no/jobs/no/stream/`, `/tasks/no/job/no/executions/no/stream/`]) {
      const { status, headers, text } = await api.get(path);
      expect([status, headers['content-type']]).toEqual([200, HTML]);
      const nonce = /script-src 'nonce-([^']+)'/.exec(headers['content-security-policy'] as string)![1]!;
      expect(text).toContain(`<script nonce="${nonce}">`);
      expect(text).toContain("reason === 'done' || reason === 'wsdone'");
    }
  });

  it('leaves the other addresses to the others', async () => {
    expect((await api.get('/')).body).toEqual({ result: 'alive' });
    expect(await api.get('/nothing')).toMatchObject({ status: 404, body: { error: 'Not found' } });
    expect((await api.get('/livez')).body).toEqual({ status: 'ok' });
    expect((await api.get('/jobs')).headers['content-type']).toBe('application/json; charset=utf-8');
    expect((await api.get('/-')).body).toEqual({ error: 'Not found' });
    const document = await api.get('/openapi/fastlane.json');
    expect(document.body).toMatchObject({
      openapi: '3.1.0',
      paths: { '/tasks/{task}/': { post: expect.any(Object) } },
    });
    expect((await api.get('/metrics')).text).toContain('route="/tasks/:task/jobs/:job/stop"');
  });

  it('answers requests that offer another protocol in this one, their bodies included', async () => {
    const offer = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
    };
    for (const path of ['/', '/jobs', '/tasks/']) expect((await api.get(path, { headers: offer })).status).toBe(200);
    const body = { image: 'a', command: 'x'.repeat(100_000) };
    const enqueued = await api.post('/tasks/h2c/', body, { headers: offer });
    expect(enqueued.status).toBe(200);
    expect((await api.job(enqueued.body)).command).toBe(body.command);
    // the connection is of use for more than one of them, and each time they offer it again
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (let n = 0; n < 3; n += 1) sockets.add(await socketOf(`${suite.url}/tasks/`, { agent, headers: offer }));
    expect(sockets.size).toBe(1);
    agent.destroy();
  });
});

/** Sends bytes as they are and gives what comes back until the connection ends. */
function send(suite: TestSuite, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(suite.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.once('end', () => resolve(text));
    socket.once('error', reject);
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no end: ${text}`)));
  });
}

/** The connection over which a request was answered with 200. */
function socketOf(url: string, options: RequestOptions): Promise<unknown> {
  return new Promise((resolve, reject) => {
    get(url, options, (response) => {
      const { socket } = response;
      response.resume().once('end', () => (response.statusCode === 200 ? resolve(socket) : reject(new Error(url))));
    }).once('error', reject);
  });
}
