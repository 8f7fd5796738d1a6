import { createServer, type Socket } from 'node:net';
import { Client, Pool } from 'pg';
import { QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';
import { isUnavailable } from './unavailability';

const fault = (fields: object, message = 'x') => Object.assign(new Error(message), fields);
const thrown = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (reason: unknown) => reason,
  );

/** A port where `answer` gets every connection; without it, a port where nobody listens. */
async function withServer(
  answer: ((socket: Socket) => void) | undefined,
  test: (port: number) => Promise<void>,
): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    answer?.(socket);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const close = () => new Promise((resolve) => server.close(resolve));
  if (!answer) await close();
  try {
    await test(port);
  } finally {
    sockets.forEach((socket) => socket.destroy());
    if (answer) await close();
  }
}

const address = (port: number) => ({ host: '127.0.0.1', port, user: 'nobody', connectionTimeoutMillis: 100 });

describe('isUnavailable', () => {
  it('knows a PostgreSQL that is not there', () =>
    withServer(undefined, async (port) => {
      expect(isUnavailable(await thrown(new Client(address(port)).connect()))).toBe(true);
    }));

  it('knows a PostgreSQL that hangs up', () =>
    withServer(
      (socket) => socket.destroy(),
      async (port) => {
        expect(isUnavailable(await thrown(new Client(address(port)).connect()))).toBe(true);
      },
    ));

  it('knows one that takes the connection and says nothing, asked directly and through a pool', () =>
    withServer(
      () => undefined,
      async (port) => {
        expect(isUnavailable(await thrown(new Client(address(port)).connect()))).toBe(true);
        const pool = new Pool({ ...address(port), max: 1 });
        const [first, second] = await Promise.all([thrown(pool.query('SELECT 1')), thrown(pool.query('SELECT 1'))]);
        await pool.end();
        expect([first, second, await thrown(pool.query('SELECT 1'))].map(isUnavailable)).toEqual([true, true, true]);
      },
    ));

  it('knows a host that cannot be found', async () => {
    const error = await thrown(new Client({ ...address(5432), host: 'no-such-host.invalid' }).connect());
    expect(isUnavailable(error)).toBe(true);
  });

  it.each([
    ['08000', 'connection exception'],
    ['08006', 'connection failure'],
    ['08P01', 'protocol violation, as poolers report their faults'],
    ['25006', 'read-only transaction'],
    ['25P03', 'idle-in-transaction time-out'],
    ['25P04', 'transaction time-out'],
    ['40001', 'serialisation failure'],
    ['40P01', 'deadlock'],
    ['53000', 'insufficient resources'],
    ['53100', 'disk full'],
    ['53200', 'out of memory'],
    ['53300', 'too many connections'],
    ['53400', 'configuration limit exceeded'],
    ['55P03', 'lock not available'],
    ['57014', 'cancelled'],
    ['57P01', 'shutting down'],
    ['57P02', 'crashed'],
    ['57P03', 'starting up'],
    ['57P05', 'idle-session time-out'],
  ])('knows SQLSTATE %s (%s), bare and as TypeORM wraps it', (code) => {
    expect(isUnavailable(fault({ code }))).toBe(true);
    expect(isUnavailable(new QueryFailedError('SELECT 1', [], fault({ code })))).toBe(true);
    expect(isUnavailable(fault({ driverError: fault({ code }) }))).toBe(true);
  });

  it.each([
    ['an exhausted pool', new Error('timeout exceeded when trying to connect')],
    ['a lost connection', new Error('Connection terminated unexpectedly')],
    ['a client that lost it before', new Error('Client has encountered a connection error and is not queryable')],
    ['an answer that did not come', new Error('Query read timeout')],
    ['a connection lost between two statements of a transaction', new QueryRunnerAlreadyReleasedError()],
    ['every address of a name refusing', fault({ errors: [fault({ code: 'ECONNREFUSED', syscall: 'connect' })] })],
  ])('knows %s', (_, error) => {
    expect(isUnavailable(error)).toBe(true);
  });

  it.each([
    ['a unique violation', fault({ code: '23505' })],
    ['a value out of range', fault({ code: '22003' })],
    ['a syntax error', fault({ code: '42601' })],
    ['a missing table', fault({ code: '42P01' })],
    ['a wrong password', fault({ code: '28P01' })],
    ['a missing file', fault({ code: 'ENOENT', syscall: 'open' })],
    ['a caller that hung up', fault({ code: 'ECONNRESET' }, 'aborted')],
    ['a bug', new TypeError('x is not a function')],
    ['a message that only mentions it', new Error('cannot render: connection terminated')],
    ['no error at all', undefined],
  ])('does not take %s for it', (_, error) => {
    expect(isUnavailable(error)).toBe(false);
  });
});
