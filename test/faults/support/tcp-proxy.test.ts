import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../../support/eventually';
import { TcpProxy } from './tcp-proxy';

describe('TcpProxy', () => {
  let echo: Server;
  let proxy: TcpProxy;
  const served: Socket[] = [];
  const clients: Socket[] = [];

  beforeEach(async () => {
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      served.push(socket);
      socket.on('error', () => undefined).pipe(socket);
    });
    await once(echo.listen(0, '127.0.0.1'), 'listening');
    proxy = await TcpProxy.start({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port });
  });

  afterEach(async () => {
    for (const socket of [...clients.splice(0), ...served.splice(0)]) socket.destroy();
    await proxy.close();
    await new Promise((done) => echo.close(done));
  });

  it('hands over megabytes in both directions unchanged, and the end', async () => {
    const sent = Buffer.alloc(5_000_000, 'abcdefg');
    const client = open();
    client.socket.end(sent);
    await client.ended;
    expect(Buffer.concat(client.got).equals(sent)).toBe(true);
  });

  it('delays each packet in each direction, and keeps their order when the delay ends', async () => {
    const client = open();
    await client.echoed('warm');
    proxy.delay(200);
    const began = performance.now();
    client.socket.write('one ');
    await eventually(() => client.text().endsWith('one '));
    expect(performance.now() - began).toBeGreaterThan(395);
    expect(performance.now() - began).toBeLessThan(800);
    client.socket.write('two ');
    await new Promise(setImmediate);
    proxy.mend();
    client.socket.write('three');
    await eventually(() => client.text().endsWith('three'));
    expect(client.text()).toBe('warmone two three');
  });

  it('does not let packets under way wait for each other', async () => {
    const client = open();
    await client.echoed('-');
    proxy.delay(300);
    const began = performance.now();
    for (let n = 0; n < 5; n += 1) {
      client.socket.write(String(n));
      await new Promise((done) => setTimeout(done, 20));
    }
    await eventually(() => client.text() === '-01234');
    expect(performance.now() - began).toBeLessThan(1_200);
  });

  it('swallows without closing: the connection that lost a byte stays silent after the fault, an idle one works again', async () => {
    const busy = open();
    const idle = open();
    await busy.echoed('a');
    await idle.echoed('a');
    proxy.swallow();
    busy.socket.write('lost');
    const late = open();
    late.socket.write('nobody hears this');
    await once(late.socket, 'connect');
    await eventually(() => busy.socket.bytesWritten === 5);
    await new Promise((done) => setTimeout(done, 50));
    proxy.mend();
    await idle.echoed('b');
    busy.socket.write('still lost');
    await idle.echoed('c');
    expect([busy.text(), late.text(), busy.socket.destroyed, late.socket.destroyed]).toEqual(['a', '', false, false]);
    expect(served).toHaveLength(2);
  });

  it('swallows the answers alone: the server has got the request', async () => {
    const client = open();
    await client.echoed('a');
    let heard = '';
    served[0]!.on('data', (chunk) => (heard += String(chunk)));
    proxy.swallow(['toClient']);
    client.socket.write('request');
    await eventually(() => heard.endsWith('request'));
    expect(client.text()).toBe('a');
  });

  it('tells the server of a client that went during the fault only when the fault is over', async () => {
    const client = open();
    await client.echoed('a');
    let over = false;
    served[0]!.on('close', () => (over = true));
    proxy.swallow();
    client.socket.destroy();
    await once(client.socket, 'close');
    await eventually(() => proxy.open === 0);
    expect(over).toBe(false);
    proxy.mend();
    await eventually(() => over);
  });

  it('tells the server of a client that goes after the fault on a connection that lost bytes', async () => {
    const client = open();
    await client.echoed('a');
    let over = false;
    served[0]!.on('close', () => (over = true));
    proxy.swallow(['toClient']);
    client.socket.write('b');
    await eventually(() => served[0]!.bytesRead === 2);
    proxy.mend();
    client.socket.write('c');
    await eventually(() => served[0]!.bytesRead === 3);
    expect(client.text()).toBe('a');
    client.socket.destroy();
    await eventually(() => over);
  });

  it('cuts all connections with a reset and takes new ones, or refuses them', async () => {
    const client = open();
    await client.echoed('a');
    const fault = once(client.socket, 'error');
    expect(proxy.cut()).toBe(1);
    expect(String(await fault)).toContain('ECONNRESET');
    await open().echoed('b');
    proxy.refuse();
    const refused = open();
    await eventually(() => refused.socket.closed);
    expect(refused.text()).toBe('');
    proxy.mend();
    await open().echoed('c');
    expect(proxy.accepted).toBe(4);
  });

  it('closes the client when the server cannot be reached', async () => {
    await new Promise((done) => echo.close(done));
    const { socket } = open();
    await eventually(() => socket.closed);
  });

  it('rewrites the place in a URL and leaves the rest', () => {
    expect(proxy.through('postgres://user:secret@database.example:5432/name?x=1')).toBe(
      `postgres://user:secret@127.0.0.1:${proxy.port}/name?x=1`,
    );
  });

  function open() {
    const socket = connect(proxy.port, '127.0.0.1');
    clients.push(socket);
    const got: Buffer[] = [];
    socket.on('error', () => undefined).on('data', (chunk) => got.push(chunk));
    const text = () => Buffer.concat(got).toString();
    const ended = once(socket, 'end');
    ended.catch(() => undefined);
    return {
      socket,
      got,
      ended,
      text,
      echoed: async (word: string) => {
        const before = text();
        socket.write(word);
        await eventually(() => text() === before + word);
      },
    };
  }
});
