import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import Redis from 'ioredis';

import { ConnectionWatch } from './connection-watch';

describe('ConnectionWatch', () => {
  it('resets a connection whose peer accepts it and then says nothing, so that the next one can be better', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const watch = new ConnectionWatch();
    const redis = new Redis((server.address() as AddressInfo).port, {
      retryStrategy: () => 50,
      disableClientInfo: true,
    });
    redis.on('error', () => undefined);
    watch.add(redis, 500);
    const began = performance.now();
    while (sockets.length < 2) {
      if (performance.now() - began > 6_000) throw new Error('no second connection');
      await new Promise((done) => setTimeout(done, 20));
    }
    watch.stop();
    const ended = new Promise((done) => redis.once('end', done));
    redis.disconnect();
    for (const socket of sockets) socket.destroy();
    await ended;
    await new Promise((done) => server.close(done));
  }, 10_000);
});
