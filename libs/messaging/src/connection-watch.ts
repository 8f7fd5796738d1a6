import type Redis from 'ioredis';

const LOOK_EVERY_MS = 1_000;

interface Watched {
  silenceMs: number;
  /** When the present silence began: the last data, or the first look that found something outstanding. */
  since: number;
  outstanding: boolean;
}

/** What ioredis keeps to itself: the commands that wait for their answer. */
interface Internals {
  commandQueue: { length: number };
  stream?: NodeJS.EventEmitter & { destroy(): void };
}

/**
 * Resets connections whose peer is gone without a word (a cut cable, a dropped NAT entry, a frozen host): TCP alone takes a quarter of
 * an hour to notice. ioredis has `socketTimeout` for this, but its timer outlives the socket that it was set for.
 */
export class ConnectionWatch {
  private readonly watched = new Map<Redis, Watched>();
  private timer: NodeJS.Timeout | undefined;

  /** @param silenceMs milliseconds without any data, with a command outstanding, after which the connection counts as dead */
  add(connection: Redis, silenceMs: number): void {
    const entry: Watched = { silenceMs, since: 0, outstanding: false };
    this.watched.set(connection, entry);
    connection.on('connect', () => {
      entry.outstanding = false;
      internals(connection).stream?.on('data', () => (entry.since = performance.now()));
    });
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  remove(connection: Redis): void {
    this.watched.delete(connection);
    if (this.watched.size === 0) this.stop();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.watched.clear();
  }

  private look(): void {
    const now = performance.now();
    for (const [connection, entry] of this.watched) {
      // `connect`: the first commands (AUTH, INFO) are under way; ioredis itself waits for their answers without end
      const speaks = connection.status === 'ready' || connection.status === 'connect';
      const outstanding = speaks && internals(connection).commandQueue.length > 0;
      if (outstanding && !entry.outstanding) entry.since = Math.max(entry.since, now);
      entry.outstanding = outstanding;
      if (!outstanding || now - entry.since < entry.silenceMs) continue;
      entry.outstanding = false;
      connection.disconnect(true);
      // the peer will not close its side either, and ioredis would give it two seconds for that
      internals(connection).stream?.destroy();
    }
  }
}

function internals(connection: Redis): Internals {
  const opaque: unknown = connection;
  return opaque as Internals;
}
