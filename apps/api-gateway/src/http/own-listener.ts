import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Log } from '@task-engine/platform';
import { fastify, type FastifyInstance } from 'fastify';
import type { Unreadable } from './treatments';
import { answerUnreadable } from './unreadable';

export interface OwnListenerOptions {
  dialect: string;
  unreadable: Unreadable;
  /** Variable that names the port, for messages. */
  variable: string;
  /** 0 takes a free one. */
  port: number;
  host: string;
}

/** As of the main listener: a whole request must have arrived within this time. */
const REQUEST_MS = 60_000;

const arrivals = new WeakMap<IncomingMessage, string>();

/** The dialect whose own listener a request came in by; undefined on the one that all share. */
export function ownListenerOf(request: IncomingMessage): string | undefined {
  return arrivals.get(request);
}

/**
 * A second listener, for one dialect alone. It listens when the app does and closes with it; its requests are answered by the app's own
 * server, which tells them by `ownListenerOf`. Fastify makes the listener for its handling of host names with several addresses.
 * @returns its server, for upgrades
 */
export function listenAlone(app: NestFastifyApplication, options: OwnListenerOptions): Server {
  const main = app.getHttpAdapter().getInstance();
  // every address is the main server's to judge, faulty ones too: here all look the same
  const front = fastify({
    requestTimeout: REQUEST_MS,
    return503OnClosing: false,
    rewriteUrl: () => '/',
    clientErrorHandler: answerUnreadable(() => options.unreadable),
  });
  front.addHook('onRequest', (request, reply) => {
    reply.hijack();
    request.raw.url = request.originalUrl;
    arrivals.set(request.raw, options.dialect);
    main.routing(request.raw, reply.raw);
  });
  main.addHook('onReady', async () => {
    await listen(front, options);
    const { port } = front.server.address() as AddressInfo;
    const host = options.host.includes(':') ? `[${options.host}]` : options.host;
    app.get(Log).info({ dialect: options.dialect, url: `http://${host}:${port}` }, 'listening for one dialect');
  });
  main.addHook('preClose', () => front.close());
  return front.server;
}

async function listen(front: FastifyInstance, { host, port, variable }: OwnListenerOptions): Promise<void> {
  try {
    await front.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`${host}:${port} (${variable}) is in use by another process`, { cause: error });
  }
}
