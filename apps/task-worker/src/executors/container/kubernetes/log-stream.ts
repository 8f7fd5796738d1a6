import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import type { KubeConfig, Log } from '@kubernetes/client-node';
import { readStream, type StreamWatch } from '../docker/read-stream';

/** Milliseconds until a silent connection is asked whether it is still there. Also keeps those between from forgetting it. */
const KEEP_ALIVE_MS = 30_000;

/** Takes what the client pours into it, and knows whether that came to its end: the client says neither that nor that it broke off. */
class LogBody extends PassThrough {
  complete = false;

  constructor() {
    super();
    // one that breaks off before anybody reads it says so to whoever reads it then, and ends no process
    this.on('error', () => undefined);
    this.once('pipe', (source: Readable) => {
      source.once('end', () => {
        this.complete = true;
      });
      source.once('error', (error) => this.destroy(error));
    });
  }
}

/** A log that has begun to come. */
export interface LogStream {
  readonly body: LogBody;
  readonly connection: AbortController;
}

/** @throws what the client throws; the signal only ends the wait: the client can be stopped no earlier than when the log begins */
export async function openLog(
  ClientLog: typeof Log,
  config: KubeConfig,
  of: { readonly namespace: string; readonly pod: string; readonly container: string },
  signal: AbortSignal,
): Promise<LogStream> {
  const body = new LogBody();
  const sockets = new Sockets(config);
  const connection = await new ClientLog(sockets.config).log(of.namespace, of.pod, of.container, body, {
    follow: true,
  });
  sockets.keepAlive();
  if (signal.aborted) {
    connection.abort();
    body.destroy();
  }
  return { body, connection };
}

/** As `readStream`, which closes the connection in any case. */
export async function readLog(
  { body, connection }: LogStream,
  watch: StreamWatch,
  take: (chunk: Buffer) => void | Promise<void>,
): Promise<'ended' | 'over'> {
  try {
    // It is written for node:http's answers, and needs of them what a LogBody has.
    return await readStream(body as unknown as IncomingMessage, watch, take);
  } finally {
    connection.abort();
  }
}

/** The sockets of one request. The client keeps them to itself: what they hang on is caught where it asks for it. */
class Sockets {
  private agent: { sockets?: Record<string, { setKeepAlive(on: boolean, delayMs: number): unknown }[] | undefined> } =
    {};
  /** As the given one, for a client that makes one request. */
  readonly config: KubeConfig;

  constructor(config: KubeConfig) {
    this.config = Object.create(config, {
      applyToFetchOptions: {
        value: async (options: Parameters<KubeConfig['applyToFetchOptions']>[0]) => {
          const request = await config.applyToFetchOptions(options);
          this.agent = (request.agent ?? {}) as typeof this.agent;
          return request;
        },
      },
    }) as KubeConfig;
  }

  keepAlive(): void {
    for (const sockets of Object.values(this.agent.sockets ?? {})) {
      for (const socket of sockets ?? []) socket.setKeepAlive(true, KEEP_ALIVE_MS);
    }
  }
}
