import { connect } from 'node:net';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { FastlaneClient, HTML } from './fastlane-client';

describe('a gateway whose servers go away', () => {
  let suite: TestSuite;
  let api: FastlaneClient;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], own: { postgres: true, redis: true } });
    api = new FastlaneClient(suite.url);
  });

  afterAll(() => suite?.stop());

  const healthy = () =>
    eventually(async () => expect((await api.get('/healthcheck')).status).toBe(200), { timeout: 20_000 });

  it('says that Redis is gone, and goes on enqueueing', async () => {
    await suite.suite.servers.redis!.process.stop();
    const health = await eventually(async () => {
      const answer = await api.get('/healthcheck');
      expect(answer.status).toBe(500);
      return answer;
    });
    expect(health.headers['content-type']).toBe('application/json');
    expect(health.body).toEqual({
      errors: [{ source: 'redis', message: expect.stringMatching(/^Connection to redis failed \(error: .+\)\.$/) }],
      mongo: true,
      redis: false,
    });
    expect(await api.enqueue('without-redis')).toMatchObject({ executionId: expect.any(String) });
    expect((await api.get('/status/')).status).toBe(200);
    await suite.suite.servers.redis!.process.start();
    await healthy();
  });

  it('says that PostgreSQL is gone, and asks for patience with pages', async () => {
    const { jobId, taskId } = await api.enqueue('without-postgres');
    await suite.suite.servers.postgres!.process.stop();
    const health = await api.get('/healthcheck');
    expect([health.status, health.body]).toEqual([
      500,
      { errors: [{ source: 'mongo', message: expect.stringMatching(/./) }], mongo: false, redis: true },
    ]);
    const job = `/tasks/${taskId}/jobs/${jobId}`;
    for (const [method, path, body] of [
      ['GET', '/tasks/'],
      ['GET', `${job}/`],
      ['GET', `${job}/logs/`],
      ['POST', `${job}/stop/`],
      ['POST', '/tasks/x/', { image: 'a', command: 'b' }],
      ['POST', '/docker-executor/blacklist', { host: 'a.bc:1' }],
      ['GET', '/status/'],
    ] as [string, string, object?][]) {
      const answer = await api.call(method, path, { body });
      expect({ path, status: answer.status }).toEqual({ path, status: 503 });
      expect(answer.headers).toMatchObject({ 'content-type': HTML, 'retry-after': '5' });
      expect(answer.text).toContain('<title>503');
      expect(answer.text).not.toMatch(/ECONN|127\.0\.0\.1/);
    }
    expect(await api.follow(`${job}/ws/`).closed).toEqual({ code: 1011, reason: 'wsretry' });
    await suite.suite.servers.postgres!.process.start();
    await healthy();
    expect((await api.get(`${job}/`)).status).toBe(200);
  });
});

describe('the method DEL', () => {
  let suite: TestSuite;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
  });

  afterAll(() => suite?.stop());

  /** Sends pieces one after the other. */
  function send(...pieces: string[]): Promise<string> {
    const { hostname, port } = new URL(suite.url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, async () => {
        for (const piece of pieces) {
          socket.write(piece);
          await new Promise((done) => setTimeout(done, 50));
        }
      });
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.once('end', () => resolve(text));
      socket.once('error', reject);
      socket.setTimeout(5_000, () => socket.destroy(new Error(`no end: ${text}`)));
    });
  }

  const body = '{"host":"docker-1.example.com:2375"}';
  const head = (path: string, length = body.length) =>
    `DEL ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;

  it('removes a host from the blacklist, whole or in pieces', async () => {
    const whole = head('/docker-executor/blacklist') + body;
    for (const pieces of [
      [whole],
      [head('/docker-executor/blacklist'), body],
      [whole.slice(0, 40), whole.slice(40, 90), whole.slice(90)],
    ]) {
      const answer = await send(...pieces);
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer).toContain('access-control-allow-origin: *');
    }
    expect(await send(head('/docker-executor/blacklist', 2) + '{}')).toContain('Failed to remove host from blacklist');
  });

  it('is known nowhere else', async () => {
    for (const bytes of [head('/tasks/') + body, head('/job/1') + body, 'DELL / HTTP/1.1\r\n\r\n', 'nonsense\r\n\r\n'])
      expect(await send(bytes)).toMatch(/^HTTP\/1\.1 400 /);
  });
});
