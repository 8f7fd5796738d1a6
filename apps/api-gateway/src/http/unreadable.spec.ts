import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { type AddressInfo, connect } from 'node:net';
import type { GatewayConfiguration } from '@task-engine/platform';
import { fastify, type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { fastlaneAddresses } from '../dialects/fastlane/addresses/addressed';
import { taskSchedulerAddresses } from '../dialects/task-scheduler/addresses/addressed';
import { taskTrackerAddresses } from '../dialects/task-tracker/addresses/addressed';
import { serverOptions } from './server-options';

describe('a request that is no HTTP', () => {
  let server: FastifyInstance;

  beforeAll(async () => {
    const rules = [fastlaneAddresses({ debug: false }), taskTrackerAddresses, taskSchedulerAddresses];
    const options = serverOptions({ TRUST_PROXY: [] } as unknown as GatewayConfiguration, rules);
    server = fastify(options as FastifyServerOptions);
    await server.listen({ port: 0 });
  });

  afterAll(() => server.close());

  const connections = () =>
    new Promise<number>((resolve) => server.server.getConnections((_error, count) => resolve(count)));

  const send = (bytes: string) =>
    new Promise<{ status: number; type: string; body: string; head: string }>((resolve, reject) => {
      const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(bytes));
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.once('error', reject);
      // the server ends the connection
      socket.once('end', () => {
        socket.end();
        const [head, body] = text.split('\r\n\r\n') as [string, string];
        const type = /content-type: (.*)/.exec(head)![1]!;
        resolve({ status: Number(head.slice(9, 12)), type, body, head });
      });
    });

  it.each([
    [
      'an unknown method',
      'FOO /api/tasks HTTP/1.1\r\nHost: x\r\n\r\n',
      400,
      /^The request is not valid HTTP: Invalid method/,
    ],
    ['a blank in the address', 'GET /api/ta sks HTTP/1.1\r\nHost: x\r\n\r\n', 400, /^The request is not valid HTTP: /],
    [
      'another version',
      'GET /api/tasks HTTP/9.9\r\nHost: x\r\n\r\n',
      400,
      /^The request is not valid HTTP: Invalid HTTP version/,
    ],
    [
      'a length that is no number',
      'POST /api/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n',
      400,
      /^The request is not valid/,
    ],
    [
      'two lengths',
      'POST /api/tasks HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
      /^The request is not valid/,
    ],
    [
      'headers of 20 KB',
      `GET /api/tasks HTTP/1.1\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
      /^The headers of the request are too large$/,
    ],
  ])('has the envelope of /api for %s', async (_name, bytes, status, message) => {
    const answer = await send(bytes);
    expect(answer).toMatchObject({ status, type: 'application/json; charset=utf-8' });
    expect(JSON.parse(answer.body)).toEqual({
      error: { code: 'bad_request', message: expect.stringMatching(message) },
    });
    expect(answer.head).toContain('connection: close');
  });

  it.each([
    ['task_tracker', '/task/get/1', 400, 'text/plain; charset=utf-8', /^Error when parsing request$/],
    ['fastlane', '/tasks/abc/', 400, 'text/html; charset=utf-8', /<h1>Bad Request<\/h1>/],
    [
      'Task Engine',
      '/jobs',
      400,
      'application/json; charset=utf-8',
      /^{"error":"The request is not valid HTTP: Invalid method/,
    ],
    ['nobody', '/nowhere', 400, 'application/json; charset=utf-8', /^{"error":"The request is not valid HTTP/],
  ])('is answered in the words of %s', async (_dialect, address, status, type, body) => {
    const answer = await send(`FOO ${address} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(answer).toMatchObject({ status, type, body: expect.stringMatching(body) });
  });

  it.each([
    ['is silent then', ''],
    ['goes on sending', 'x'.repeat(1_000)],
  ])('holds no connection of one who %s', async (_name, more) => {
    const { port } = server.server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write('FOO / HTTP/1.1'));
    socket.on('data', () => undefined).on('error', () => undefined);
    const timer = setInterval(() => socket.write(more), 50);
    while ((await connections()) === 0) await setImmediate();
    while ((await connections()) > 0) await delay(20);
    clearInterval(timer);
    socket.destroy();
  });

  it.each(['//', '/%', '/%zz/\u00ff', '*', 'http://[', '/tasks/%00/', '/task/get/%ff', '/api/tasks/\u0001', '?', '/#'])(
    'may name any address: %j',
    async (address) => {
      expect(await send(`FOO ${address} HTTP/1.1\r\n\r\n`)).toMatchObject({ status: 400 });
    },
  );

  it('is answered when not even its first line can be read', async () => {
    expect(await send('\u0000\u0001\u0002')).toMatchObject({ status: 400, body: expect.stringMatching(/^{"error":/) });
  });
});
