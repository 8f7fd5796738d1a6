import { createServer } from 'node:net';
import { Client } from 'pg';
import { isUnavailable } from './unavailability';

const fault = (fields: object, message = 'x') => Object.assign(new Error(message), fields);

describe('isUnavailable', () => {
  it('knows a PostgreSQL that is not there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const error = await new Client({ host: '127.0.0.1', port, user: 'nobody' })
      .connect()
      .catch((reason: unknown) => reason);
    expect(isUnavailable(error)).toBe(true);
  });

  it('knows a PostgreSQL that hangs up', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const error = await new Client({ host: '127.0.0.1', port, user: 'nobody' })
      .connect()
      .catch((reason: unknown) => reason);
    await new Promise((resolve) => server.close(resolve));
    expect(isUnavailable(error)).toBe(true);
  });

  it.each([
    ['shutting down', fault({ code: '57P01' })],
    ['full', fault({ code: '53300' })],
    ['wrapped by TypeORM', fault({ driverError: fault({ code: '57P03' }) })],
    ['an exhausted pool', new Error('timeout exceeded when trying to connect')],
  ])('knows %s', (_, error) => {
    expect(isUnavailable(error)).toBe(true);
  });

  it.each([
    ['a unique violation', fault({ code: '23505' })],
    ['a missing file', fault({ code: 'ENOENT', syscall: 'open' })],
    ['a bug', new TypeError('x is not a function')],
    ['no error at all', undefined],
  ])('does not take %s for it', (_, error) => {
    expect(isUnavailable(error)).toBe(false);
  });
});
