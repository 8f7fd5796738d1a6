import { Client, type ClientConfig } from 'pg';

const LOOK_EVERY_MS = 1_000;

/** What pg's types leave out. */
interface Internals {
  /** The server has answered everything that it was asked. */
  readyForQuery: boolean;
  connection: { stream: { bytesRead: number; destroy(error: Error): void } };
}

/**
 * A client that notices a server that is gone without a word (a cut cable, a dropped NAT entry, a frozen host): a statement that has had
 * no byte of an answer for `silenceMs` ends the connection, and its caller gets an error. TCP alone takes a quarter of an hour. pg's own
 * `query_timeout` costs a timer for each statement and leaves the dead connection in the pool.
 */
export class WatchedClient extends Client {
  private static readonly open = new Set<WatchedClient>();
  private static timer: NodeJS.Timeout | undefined;

  private heard = 0;
  /** When the present silence began, in milliseconds; undefined while nothing is asked. */
  private silentSince: number | undefined;

  /** @param silenceMs more than any statement takes: the server's own `statement_timeout` must be less */
  constructor(
    config: ClientConfig | string,
    private readonly silenceMs: number,
  ) {
    super(config);
    // Between the pool, which lets go of a client as it hands it over, and TypeORM, which takes it in a microtask, nobody listens. A
    // connection that the server ends as it opens ("ready" and "terminated" in one packet) would be an uncaught exception there. Whoever
    // uses the client learns of it at the next statement.
    this.on('error', () => undefined);
    this.once('end', () => WatchedClient.open.delete(this));
    WatchedClient.open.add(this);
    WatchedClient.timer ??= setInterval(() => WatchedClient.lookAtAll(), LOOK_EVERY_MS).unref();
  }

  private static lookAtAll(): void {
    const now = performance.now();
    for (const client of WatchedClient.open) client.look(now);
    if (WatchedClient.open.size > 0) return;
    clearInterval(WatchedClient.timer);
    WatchedClient.timer = undefined;
  }

  private look(now: number): void {
    const { readyForQuery, connection } = this as unknown as Internals;
    const { bytesRead } = connection.stream;
    if (readyForQuery || this.silentSince === undefined || bytesRead !== this.heard) {
      this.heard = bytesRead;
      this.silentSince = readyForQuery ? undefined : now;
    } else if (now - this.silentSince >= this.silenceMs) {
      const message = `PostgreSQL has not answered for ${Math.round(this.silenceMs / 1_000)} s`;
      connection.stream.destroy(Object.assign(new Error(message), { code: 'ETIMEDOUT', syscall: 'read' }));
    }
  }
}

/** The class that a pool makes its clients of. */
export function watched(silenceMs: number): new (config: ClientConfig | string) => Client {
  return class extends WatchedClient {
    constructor(config: ClientConfig | string) {
      super(config, silenceMs);
    }
  };
}
