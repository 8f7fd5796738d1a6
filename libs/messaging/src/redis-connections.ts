import { Logger } from '@nestjs/common';
import Redis, { type RedisOptions } from 'ioredis';

import { ConnectionWatch } from './connection-watch';

/** Bull's loops block on their queue for this long at a time, so a healthy blocking connection speaks at least this often. */
export const BLOCK_SECONDS = 2;

const CONNECT_TIMEOUT_MS = 2_000;
/** A command that has had no answer for this long means a dead connection, not a slow server. */
const SILENCE_MS = 4_000;

/** Fast at first, so a restart of Redis costs little; then once a second for as long as it takes. */
export function reconnectDelay(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), 1_000);
}

/**
 * One policy for every connection to Redis: one shared connection for commands, one blocking connection for each queue that is
 * processed, one for the subscriptions. All of them reconnect for ever.
 *
 * The shared one refuses commands while Redis is away instead of queueing them: what goes through it are hints, and a backlog of
 * hints that grows for as long as Redis is down would be sent to nobody's use.
 */
export class RedisConnections {
  private readonly log = new Logger('Redis');
  private readonly watch = new ConnectionWatch();
  private readonly connections = new Set<Redis>();
  private readonly recoveryListeners = new Set<() => void>();
  private down = false;
  private closed = false;
  private sharedConnection: Redis | undefined;

  constructor(private readonly url: string) {}

  /** For commands that may fail. */
  get shared(): Redis {
    this.sharedConnection ??= this.openShared();
    return this.sharedConnection;
  }

  /** For BRPOPLPUSH: waits through an outage. Bull demands both options. */
  blocking(): Redis {
    return this.open({ maxRetriesPerRequest: null, enableReadyCheck: false }, BLOCK_SECONDS * 1_000);
  }

  /** For subscriptions; restores them by itself. `ping` it: a subscriber has nothing outstanding whose silence could be noticed. */
  subscriber(options: RedisOptions): Redis {
    return this.open({ ...options, maxRetriesPerRequest: null, enableReadyCheck: true, lazyConnect: true });
  }

  /** Resolves when commands can be sent: waits for a first connection, but not through an outage. */
  async ready(timeoutMs: number): Promise<void> {
    const connection = this.shared;
    if (connection.status === 'ready') return;
    if (this.down || this.closed) throw new Error('Redis is not connected');
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void) => () => {
        clearTimeout(timer);
        connection.off('ready', connected).off('close', lost);
        end();
      };
      const connected = settle(resolve);
      const lost = settle(() => reject(new Error('Redis is not connected')));
      const timer = setTimeout(lost, timeoutMs);
      connection.once('ready', connected).once('close', lost);
    });
  }

  /** Called each time that Redis answers again after an outage: hints of that time are lost, so look at the rows. */
  onRecovery(listener: () => void): void {
    this.recoveryListeners.add(listener);
  }

  /** One line an outage, whatever number of commands fails in it. */
  report(what: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (this.down || this.closed) return this.log.debug(`${what}: ${why}`);
    this.log.warn(`${what}: ${why}`);
  }

  drop(connection: Redis): void {
    this.watch.remove(connection);
    this.connections.delete(connection);
    connection.disconnect();
  }

  close(): void {
    this.closed = true;
    this.watch.stop();
    for (const connection of [...this.connections]) this.drop(connection);
  }

  /** What happens to it stands for all: outages are noted by this connection alone. */
  private openShared(): Redis {
    const connection = this.open({
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableReadyCheck: true,
    });
    let fault: Error | undefined;
    connection.on('error', (error: Error) => (fault = error));
    connection.on('close', () => this.lost(fault));
    connection.on('ready', () => this.recovered());
    return connection;
  }

  private open(options: RedisOptions, blocksForMs = 0): Redis {
    if (this.closed) throw new Error('the connections to Redis are closed');
    const connection = new Redis(this.url, {
      connectTimeout: CONNECT_TIMEOUT_MS,
      retryStrategy: reconnectDelay,
      disableClientInfo: true,
      ...options,
    });
    // each Bull queue adds a listener of its own to the shared connection
    connection.setMaxListeners(0);
    // without a listener ioredis writes to the console
    connection.on('error', () => undefined);
    this.connections.add(connection);
    this.watch.add(connection, blocksForMs + SILENCE_MS);
    return connection;
  }

  private lost(fault: (Error & { code?: string }) | undefined): void {
    if (this.down || this.closed) return;
    this.down = true;
    this.log.warn(
      `Redis is away${fault ? ` (${fault.message || fault.code})` : ''}: hints are dropped until it is back`,
    );
  }

  private recovered(): void {
    if (!this.down) return;
    this.down = false;
    this.log.log('Redis is back');
    for (const listener of this.recoveryListeners) listener();
  }
}
