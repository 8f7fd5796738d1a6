import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Pool } from 'pg';
import { isUnavailable } from './unavailability';
import { watched } from './watched-client';

/** Bytes of PostgreSQL's protocol: authentication done, ready for a query. */
const READY = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);
/** A command that is complete, ready for the next one. */
const DONE = Buffer.from([0x43, 0, 0, 0, 7, 0x4f, 0x4b, 0, 0x5a, 0, 0, 0, 5, 0x49]);

/** The end of a session by the server. */
const ENDED = fatal('57P01', 'terminating connection due to administrator command');

function fatal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

describe('WatchedClient', () => {
  let server: Server;
  let pool: Pool;
  let sockets: Socket[];
  /** What the server does with a query. */
  let answer: (socket: Socket) => void;
  /** What it says to a new connection. */
  let welcome: Buffer;

  beforeEach(async () => {
    sockets = [];
    welcome = READY;
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write(welcome);
        socket.on('data', () => answer(socket));
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    pool = new Pool({ host: '127.0.0.1', port, user: 'nobody', max: 1, Client: watched(2_000) } as object);
    pool.on('error', () => undefined);
  });

  afterEach(async () => {
    await pool.end();
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });

  it('gives a server up that does not answer, in words that mean "not now", and takes a new connection for the next query', async () => {
    answer = (socket) => (socket === sockets[0] ? undefined : socket.write(DONE));
    const began = performance.now();
    const fault: unknown = await pool.query('SELECT 1').catch((error: unknown) => error);
    expect(String(fault)).toContain('PostgreSQL has not answered for 2 s');
    expect(isUnavailable(fault)).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(1_900);
    expect(performance.now() - began).toBeLessThan(4_500);
    await pool.query('SELECT 1');
    expect(sockets).toHaveLength(2);
  }, 15_000);

  it('lets an idle connection and one that is answered in time alone', async () => {
    answer = (socket) => setTimeout(() => socket.write(DONE), 700);
    const began = performance.now();
    while (performance.now() - began < 3_000) await pool.query('SELECT 1');
    await new Promise((done) => setTimeout(done, 3_000));
    await pool.query('SELECT 1');
    expect(sockets).toHaveLength(1);
  }, 15_000);

  it('a connection that the server ends as it opens it is an error of the next statement, not an uncaught exception', async () => {
    welcome = Buffer.concat([READY, ENDED]);
    const client = await pool.connect();
    const fault: unknown = await client.query('SELECT 1').catch((error: unknown) => error);
    client.release();
    expect(isUnavailable(fault)).toBe(true);
  });
});
