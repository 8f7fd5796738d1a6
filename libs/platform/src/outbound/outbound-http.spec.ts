import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { certificate } from './certificate.fixture';
import type { LookupAll } from './guarded-connector';
import { OutboundHttp, type OutboundOptions } from './outbound-http';
import { OutboundAborted, OutboundBlocked, OutboundError, OutboundFailed, OutboundTimeout } from './outbound.errors';

const LOOPBACK = ['127.0.0.1/32', '::1/128'];
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function outbound(options: Partial<OutboundOptions> = {}): OutboundHttp {
  const http = new OutboundHttp({ allow: LOOPBACK, timeoutMs: 2_000, ...options });
  cleanups.push(() => http.close());
  return http;
}

/** A real server on a free port that counts the connections it sees. */
async function listening(server: Server | TcpServer, host = '127.0.0.1') {
  const seen = { connections: 0, open: 0, mostOpen: 0 };
  server.on('connection', (socket) => {
    seen.connections += 1;
    seen.open += 1;
    seen.mostOpen = Math.max(seen.mostOpen, seen.open);
    socket.on('error', () => undefined).on('close', () => (seen.open -= 1));
    cleanups.push(() => socket.destroy());
  });
  server.listen(0, host);
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { seen, port, url: `http://127.0.0.1:${port}/` };
}

const serve = (listener: RequestListener) => listening(createServer(listener));

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

async function fault(promise: Promise<unknown>): Promise<OutboundError> {
  const error: unknown = await promise.then(
    () => new Error('it went through'),
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(OutboundError);
  return error as OutboundError;
}

/** A name server of ours: gives the next answer of the list on each question, the last one for ever. */
function names(...answers: string[][]): LookupAll & { asked: number } {
  const lookup = ((_host, _options, callback) => {
    const answer = answers[Math.min(lookup.asked, answers.length - 1)] ?? [];
    lookup.asked += 1;
    const found = answer.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));
    setImmediate(() => callback(null, found));
  }) as LookupAll & { asked: number };
  lookup.asked = 0;
  return lookup;
}

describe('outgoing requests', () => {
  it('sends method, headers and body and returns status, headers and body', async () => {
    const { url } = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        response
          .writeHead(201, { 'x-many': ['a', 'b'] })
          .end(`${request.method} ${request.headers['webhook-id']} ${body}`);
      });
    });
    const reply = await outbound().request({ url, method: 'POST', headers: { 'webhook-id': '7' }, body: '{"a":1}' });
    expect(reply).toMatchObject({ status: 201, truncated: false, headers: { 'x-many': 'a, b' } });
    expect(reply.body.toString()).toBe('POST 7 {"a":1}');
    expect(reply.durationMs).toBeGreaterThan(0);
  });

  it('answers a redirect as it is and never follows it', async () => {
    const target = await serve((_request, response) => response.end('secret'));
    const { url } = await serve((_request, response) => response.writeHead(302, { location: target.url }).end());
    const reply = await outbound().request({ url });
    expect(reply).toMatchObject({ status: 302, headers: { location: target.url } });
    expect(target.seen.connections).toBe(0);
  });

  it('reuses a connection and opens no more of them to one origin than allowed', async () => {
    const { url, seen } = await serve((_request, response) => setTimeout(() => response.end('ok'), 5));
    const http = outbound({ connections: 3 });
    await Promise.all(Array.from({ length: 30 }, () => http.request({ url })));
    expect(seen.mostOpen).toBe(3);
    expect(seen.connections).toBe(3);
  });

  it('refuses everything after close and lets running exchanges end', async () => {
    const { url } = await serve((_request, response) => setTimeout(() => response.end('late'), 50));
    const http = outbound();
    const running = http.request({ url });
    await new Promise(setImmediate);
    await http.close();
    expect((await running).body.toString()).toBe('late');
    expect(await fault(http.request({ url }))).toBeInstanceOf(OutboundFailed);
  });
});

describe('the bounds of an exchange', () => {
  it('cuts an endpoint that accepts and says nothing', async () => {
    const { url } = await listening(createTcpServer());
    const started = performance.now();
    expect(await fault(outbound().request({ url, timeoutMs: 150 }))).toBeInstanceOf(OutboundTimeout);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('cuts a reply that drips byte by byte and closes its connection', async () => {
    const { url, seen } = await serve((_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 10);
      response.on('close', () => clearInterval(timer));
    });
    expect(await fault(outbound().request({ url, timeoutMs: 200 }))).toBeInstanceOf(OutboundTimeout);
    const deadline = Date.now() + 2_000;
    while (seen.open > 0 && Date.now() < deadline) await new Promise(setImmediate);
    expect(seen.open).toBe(0);
  });

  it('cuts reply heads that drip too', async () => {
    const { url } = await listening(
      createTcpServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => socket.write('x: y\r\n'), 10);
        socket.on('close', () => clearInterval(timer));
      }),
    );
    expect(await fault(outbound().request({ url, timeoutMs: 150 }))).toBeInstanceOf(OutboundTimeout);
  });

  it('counts the wait for a free connection and the name look-up as part of the deadline', async () => {
    const { url } = await listening(createTcpServer());
    const http = outbound({ connections: 1 });
    const both = await Promise.all([
      fault(http.request({ url, timeoutMs: 300 })),
      fault(http.request({ url, timeoutMs: 100 })),
    ]);
    expect(both.map(({ kind }) => kind)).toEqual(['timeout', 'timeout']);
    const never: LookupAll = () => undefined;
    expect(
      await fault(outbound({ lookup: never }).request({ url: 'http://slow.example/', timeoutMs: 100 })),
    ).toBeInstanceOf(OutboundTimeout);
  });

  it('keeps the first bytes of a huge reply, says so, and reads no further', async () => {
    let sent = 0;
    const { url } = await serve((_request, response) => {
      const more = () => {
        while (sent < 100 * 1024 * 1024 && response.write(Buffer.alloc(65_536))) sent += 65_536;
      };
      response.on('drain', more).on('error', () => undefined);
      more();
    });
    const reply = await outbound().request({ url });
    expect(reply).toMatchObject({ status: 200, truncated: true });
    expect(reply.body.length).toBe(65_536);
    expect(sent).toBeLessThan(50 * 1024 * 1024);
  });

  it('does not call a reply of exactly the limit cut', async () => {
    const { url } = await serve((_request, response) => response.end('1234'));
    expect(await outbound().request({ url, maxReplyBytes: 4 })).toMatchObject({ truncated: false });
    expect(await outbound().request({ url, maxReplyBytes: 3 })).toMatchObject({
      truncated: true,
      body: Buffer.from('123'),
    });
  });

  it("stops at the caller's signal, before and during the exchange", async () => {
    const { url } = await listening(createTcpServer());
    const abort = new AbortController();
    const running = fault(outbound().request({ url, signal: abort.signal }));
    abort.abort();
    expect(await running).toBeInstanceOf(OutboundAborted);
    expect(await fault(outbound().request({ url, signal: abort.signal }))).toBeInstanceOf(OutboundAborted);
  });

  it('a hanging origin does not delay another one', async () => {
    const hanging = await listening(createTcpServer());
    const healthy = await serve((_request, response) => response.end('ok'));
    const http = outbound({ connections: 2 });
    const stuck = Array.from({ length: 20 }, () => fault(http.request({ url: hanging.url, timeoutMs: 500 })));
    expect((await http.request({ url: healthy.url, timeoutMs: 400 })).status).toBe(200);
    await Promise.all(stuck);
  });
});

describe('faults', () => {
  it('says that it could not connect, that a name is unknown, that an answer is not HTTP, and no address', async () => {
    const server = createTcpServer();
    const closed = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await fault(outbound().request({ url: closed.url }))).toMatchObject({
      kind: 'failed',
      message: 'could not connect',
    });

    const unknown: LookupAll = (_host, _options, callback) =>
      callback(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), []);
    expect(await fault(outbound({ lookup: unknown }).request({ url: 'http://none.example/' }))).toMatchObject({
      message: 'the host name could not be resolved',
    });

    const odd = await listening(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')));
    expect(await fault(outbound().request({ url: odd.url }))).toMatchObject({
      message: 'the answer is not valid HTTP',
    });

    const cut = await listening(
      createTcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc')),
    );
    expect(await fault(outbound().request({ url: cut.url }))).toMatchObject({
      message: 'the connection was closed before the answer was complete',
    });
    const headers = { 'x-bad': 'a\r\nb: c' };
    expect(await fault(outbound().request({ url: cut.url, headers }))).toMatchObject({
      message: 'the method or a header of the request is not valid',
    });
  });
});

describe('TLS', () => {
  const secure = async () => {
    const server = createTlsServer({ key: certificate.key, cert: certificate.cert }, (_request, response) =>
      response.end('safe'),
    );
    const { port, seen } = await listening(server);
    return { url: `https://localhost:${port}/`, seen };
  };

  it('refuses a certificate that it cannot verify', async () => {
    const { url } = await secure();
    expect((await fault(outbound().request({ url }))).message).toMatch(/^TLS failed \(/);
  });

  it('accepts it when the call brings the CA or turns verification off, and only for that call', async () => {
    const { url } = await secure();
    const http = outbound();
    expect((await http.request({ url, ca: certificate.cert })).body.toString()).toBe('safe');
    expect((await http.request({ url, verifyTls: false })).body.toString()).toBe('safe');
    expect(await fault(http.request({ url }))).toBeInstanceOf(OutboundFailed);
  });
});

describe('private addresses', () => {
  it.each([
    'http://127.0.0.1:PORT/',
    'http://localhost:PORT/',
    'http://[::1]:PORT/',
    'http://0.0.0.0:PORT/',
    'http://[::]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[64:ff9b::7f00:1]:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f.1:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://127.1:PORT/',
    'http://①②⑦.⓪.⓪.①:PORT/',
  ])('refuses %s without a connection, and an open port looks like a closed one', async (pattern) => {
    const open = await listening(
      createServer((_request, response) => response.end('secret')),
      '::',
    );
    const http = outbound({ allow: [] });
    const answers = await Promise.all(
      [open.port, 9_999].map((port) => fault(http.request({ url: pattern.replace('PORT', String(port)) }))),
    );
    expect(answers[0]).toBeInstanceOf(OutboundBlocked);
    expect(answers[0]!.message).toBe(answers[1]!.message);
    expect(open.seen.connections).toBe(0);
  });

  it('refuses a name that resolves to a private address', async () => {
    const { port, seen } = await serve((_request, response) => response.end('secret'));
    const http = outbound({ allow: [], lookup: names(['127.0.0.1', '::1']) });
    expect(await fault(http.request({ url: `http://public.example:${port}/` }))).toBeInstanceOf(OutboundBlocked);
    expect(seen.connections).toBe(0);
  });

  it('judges the very answer that the socket uses: one look-up a connection, so a name that changes gains nothing', async () => {
    const { port, seen } = await serve((_request, response) => response.setHeader('connection', 'close').end('x'));
    const lookup = names(['192.0.2.1'], ['127.0.0.1']);
    const http = outbound({ allow: ['192.0.2.1'], lookup });
    // the first answer is acceptable (and unreachable), the second is private
    const url = `http://rebind.example:${port}/`;
    expect((await fault(http.request({ url, timeoutMs: 300 }))).kind).not.toBe('blocked');
    expect(lookup.asked).toBe(1);
    expect(await fault(http.request({ url }))).toBeInstanceOf(OutboundBlocked);
    expect(lookup.asked).toBe(2);
    expect(seen.connections).toBe(0);
  });

  it('uses only the permitted ones of the addresses of a name', async () => {
    const { port, seen } = await serve((request, response) => response.end(request.socket.remoteAddress));
    const http = outbound({ allow: ['127.0.0.1'], lookup: names(['10.0.0.1', '127.0.0.1']) });
    expect((await http.request({ url: `http://mixed.example:${port}/`, timeoutMs: 1_000 })).body.toString()).toBe(
      '127.0.0.1',
    );
    expect(seen.connections).toBe(1);
  });

  it('lets an allowed host name reach its private address, and no other name the same address', async () => {
    const { port } = await serve((_request, response) => response.end('inside'));
    const http = outbound({ allow: ['cms.internal'], lookup: names(['127.0.0.1']) });
    expect((await http.request({ url: `http://CMS.internal:${port}/` })).body.toString()).toBe('inside');
    expect(await fault(http.request({ url: `http://other.internal:${port}/` }))).toBeInstanceOf(OutboundBlocked);
    expect(await fault(http.request({ url: `http://127.0.0.1:${port}/` }))).toBeInstanceOf(OutboundBlocked);
  });
});

describe('downloads', () => {
  const folder = () => {
    const path = mkdtempSync(join(tmpdir(), 'outbound-'));
    cleanups.push(() => rmSync(path, { recursive: true }));
    return path;
  };

  it('streams a file to disk', async () => {
    const content = Buffer.alloc(3_000_000, 'abc');
    const { url } = await serve((_request, response) => response.setHeader('content-type', 'video/mp4').end(content));
    const path = join(folder(), 'a.mp4');
    const result = await outbound().download(url, path, { maxBytes: content.length });
    expect(result).toMatchObject({ bytes: content.length, headers: { 'content-type': 'video/mp4' } });
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('fails past the limit, announced or not, and leaves no file', async () => {
    const announced = await serve((_request, response) => response.end(Buffer.alloc(2_000)));
    const silent = await serve((_request, response) => {
      for (let i = 0; i < 20; i += 1) response.write(Buffer.alloc(100));
      response.end();
    });
    const path = folder();
    for (const { url } of [announced, silent]) {
      expect(await fault(outbound().download(url, join(path, 'a'), { maxBytes: 1_999 }))).toMatchObject({
        kind: 'failed',
        message: 'the file is larger than 1999 bytes',
      });
    }
    expect(readdirSync(path)).toEqual([]);
  });

  it('fails with the status for anything but 2xx, and on a cut, a deadline or an abort leaves no file', async () => {
    const missing = await serve((_request, response) => response.writeHead(404).end('no'));
    const path = folder();
    const file = join(path, 'a');
    expect(await fault(outbound().download(missing.url, file, { maxBytes: 10 }))).toMatchObject({ status: 404 });

    const cut = await listening(
      createTcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc')),
    );
    expect(await fault(outbound().download(cut.url, file, { maxBytes: 10 }))).toBeInstanceOf(OutboundFailed);

    const slow = await serve((_request, response) => response.writeHead(200).write('a'));
    expect(await fault(outbound().download(slow.url, file, { maxBytes: 10, timeoutMs: 150 }))).toBeInstanceOf(
      OutboundTimeout,
    );
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    expect(await fault(outbound().download(slow.url, file, { maxBytes: 10, signal: abort.signal }))).toBeInstanceOf(
      OutboundAborted,
    );
    expect(readdirSync(path)).toEqual([]);
  });

  it('names a fault of the disk as such', async () => {
    const { url } = await serve((_request, response) => response.end('x'));
    const error = await fault(outbound().download(url, join(folder(), 'no', 'such', 'folder'), { maxBytes: 10 }));
    expect(error.message).toBe('the file could not be written (ENOENT)');
  });
});
