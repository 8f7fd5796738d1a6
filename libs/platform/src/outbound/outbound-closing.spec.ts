import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { OutboundHttp } from './outbound-http';

const SIZE = 3_000_000;

/** Answers with a large body at full speed and closes at once, as `python3 -m http.server` and many an endpoint do. */
async function closingServer(head: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([Buffer.from(head), Buffer.alloc(SIZE)])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('a server that closes behind a large answer', () => {
  const heads = {
    'with its length': `HTTP/1.0 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`,
    'without a length': 'HTTP/1.0 200 OK\r\n\r\n',
  };
  const folder = mkdtempSync(join(tmpdir(), 'outbound-closing-'));
  const outbound = new OutboundHttp({ allow: ['127.0.0.1/32'], timeoutMs: 10_000 });

  afterAll(async () => {
    await outbound.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(Object.entries(heads))(
    '%s: every download is whole, every reply cut to the limit, and the process lives',
    async (_, head) => {
      const server = await closingServer(head);
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const path = join(folder, 'file');
      for (let round = 0; round < 20; round += 1) {
        await outbound.download(url, path, { maxBytes: SIZE });
        expect(statSync(path).size).toBe(SIZE);
        const reply = await outbound.request({ url });
        expect([reply.body.length, reply.truncated]).toEqual([65_536, true]);
      }
      server.close();
    },
  );
});
