import { Injectable, Logger } from '@nestjs/common';
import { ServerRedis } from '@nestjs/microservices';
import { NOTIFICATIONS, type NotificationName, type Notifications } from '@task-engine/dto';
import type Redis from 'ioredis';

import { channelOf } from './channel';
import { RedisConnections, reconnectDelay } from './redis-connections';

/** Between two signs of life of the subscriber, which otherwise has nothing outstanding whose silence could be noticed. */
const PING_EVERY_MS = 3_000;

export type NotificationHandler<Name extends NotificationName> = (payload: Notifications[Name]) => void | Promise<void>;

/**
 * The receiving side of the notifications: Nest's Redis transport, made to outlive Redis. As it comes it subscribes only after a
 * first successful connection and gives up for ever when that fails, and an error of a handler ends the process.
 */
@Injectable()
export class NotificationServer extends ServerRedis {
  private readonly log = new Logger('Notifications');
  private acknowledged = false;
  private ping: NodeJS.Timeout | undefined;

  constructor(
    private readonly connections: RedisConnections,
    private readonly prefix: string,
  ) {
    super({ retryAttempts: Number.MAX_SAFE_INTEGER, retryDelay: 1_000 });
  }

  /**
   * Registers the handler of a notification. Before the app listens or after.
   * @throws Error when it has one already
   */
  handle<Name extends NotificationName>(name: Name, handler: NotificationHandler<Name>): void {
    const channel = channelOf(this.prefix, name);
    if (this.messageHandlers.has(channel)) throw new Error(`notification ${name} has a handler already`);
    this.addHandler(channel, async (data: unknown) => this.receive(name, handler, data), true);
    if (this.subClient) void this.subscribe();
  }

  /** Notifications that this process has a handler for. */
  handled(): NotificationName[] {
    const names = Object.keys(NOTIFICATIONS) as NotificationName[];
    return names.filter((name) => this.messageHandlers.has(channelOf(this.prefix, name)));
  }

  /** Whether every notification with a handler is heard at this moment. */
  subscribed(): boolean {
    return this.acknowledged && (this.subClient as Redis | undefined)?.status === 'ready';
  }

  /** Nothing is answered over this transport, so there is no publishing connection; and Redis may come up later than we. */
  override listen(callback: (error?: unknown) => void): void {
    const client = this.connections.subscriber({ retryStrategy: reconnectDelay });
    this.subClient = client;
    client.on('message', (channel: string, text: string) => void this.handleMessage(channel, text));
    client.on('close', () => (this.acknowledged = false));
    client.on('ready', () => void this.subscribe());
    client.connect().catch(() => undefined);
    this.ping = setInterval(() => {
      if (client.status === 'ready') client.ping().catch(() => undefined);
    }, PING_EVERY_MS).unref();
    callback();
  }

  override async handleMessage(channel: string, text: string): Promise<void> {
    const message = this.parseMessage(text) as { data?: unknown } | null;
    await this.getHandlerByPattern(channel)?.(message?.data);
  }

  override async close(): Promise<void> {
    this.isManuallyClosed = true;
    clearInterval(this.ping);
    if (this.subClient) this.connections.drop(this.subClient as Redis);
  }

  private async subscribe(): Promise<void> {
    const client = this.subClient as Redis;
    const channels = [...this.messageHandlers.keys()];
    if (client.status !== 'ready') return;
    try {
      this.acknowledged = false;
      if (channels.length > 0) await client.subscribe(...channels);
      this.acknowledged = channels.length === this.messageHandlers.size && (client.status as string) === 'ready';
    } catch (error) {
      this.connections.report('could not subscribe', error);
    }
  }

  private async receive<Name extends NotificationName>(
    name: Name,
    handler: NotificationHandler<Name>,
    data: unknown,
  ): Promise<void> {
    const parsed = NOTIFICATIONS[name].safeParse(data);
    if (!parsed.success) return this.log.warn(`notification ${name} has no usable payload`);
    try {
      await handler(parsed.data as Notifications[Name]);
    } catch (error) {
      this.log.error(`notification ${name} failed: ${(error as Error).message}`, (error as Error).stack);
    }
  }
}
