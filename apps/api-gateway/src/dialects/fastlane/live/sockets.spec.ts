import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLog, gatewaySchema, loadConfiguration, Shutdown } from '@task-engine/platform';
import { WebSocket } from 'ws';
import type { Follower } from './follower';
import { Sockets } from './sockets';

const PING_MS = 100;
const log = createLog({ name: 'test', level: 'silent' });
const configuration = loadConfiguration(gatewaySchema, {
  DATABASE_URL: 'postgres://localhost/a',
  REDIS_URL: 'redis://localhost',
});

describe('Sockets', () => {
  let server: Server;
  let shutdown: Shutdown;
  const clients: WebSocket[] = [];
  /** Logs of runs that write nothing and do not end, unless a test says otherwise. */
  let logs: { serve: (follower: Follower) => Promise<void> };

  beforeEach(async () => {
    server = createServer();
    shutdown = new Shutdown(log);
    logs = { serve: async () => {} };
    new Sockets(configuration, logs, log, shutdown, PING_MS).attach(server, false);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.terminate();
    server.close();
  });

  async function open(options: { autoPong: boolean }): Promise<WebSocket> {
    const client = new WebSocket(
      `ws://127.0.0.1:${(server.address() as AddressInfo).port}/tasks/t/jobs/j/ws/`,
      options,
    );
    clients.push(client);
    await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
    return client;
  }

  const closing = (client: WebSocket) => new Promise<number>((resolve) => client.once('close', resolve));

  it('cuts off who does not answer pings, and nobody else', async () => {
    const [dead, alive] = [await open({ autoPong: false }), await open({ autoPong: true })];
    let pings = 0;
    alive.on('ping', () => (pings += 1));
    expect(await closing(dead)).toBe(1006);
    const before = pings;
    await new Promise((resolve) => setTimeout(resolve, 4 * PING_MS));
    expect(pings).toBeGreaterThan(before + 1);
    expect(alive.readyState).toBe(WebSocket.OPEN);
  });

  it('does not ask those for an answer who take a long log, as long as they do', async () => {
    let serving = true;
    logs.serve = async (follower) => {
      for (let part = 0; part < 8; part += 1) {
        await new Promise((resolve) => setTimeout(resolve, 0.6 * PING_MS));
        await follower.take('x');
      }
      serving = false;
    };
    const reader = await open({ autoPong: false });
    expect(await closing(reader)).toBe(1006);
    expect(serving).toBe(false);
  });

  it('says that it is going away, and does not wait for who does not listen', async () => {
    const [polite, deaf] = [await open({ autoPong: true }), await open({ autoPong: true })];
    deaf.pause();
    const left = closing(polite);
    const began = Date.now();
    await shutdown.begin({ delaySeconds: 0, drainSeconds: 0 }, () => {});
    expect(await left).toBe(1001);
    expect(Date.now() - began).toBeLessThan(3_000);
    const late = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/tasks/t/jobs/j/ws/`);
    const status = await new Promise((resolve) =>
      late.once('unexpected-response', (_, response) => resolve(response.statusCode)).on('error', () => undefined),
    );
    expect(status).toBe(503);
  });
});
