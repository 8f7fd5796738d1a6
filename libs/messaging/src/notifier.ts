import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { NotificationName, Notifications } from '@task-engine/dto';

import { channelOf } from './channel';
import { RedisConnections } from './redis-connections';

/** Identical notifications within this time are sent as two: the first at once, the others together at its end. */
const COALESCE_MS = 5;

/**
 * Tells whoever listens now. Published in the form of Nest's Redis transport, over the shared connection: Nest's own client queues
 * without bound while Redis is away, and what was said during an outage is of no use after it.
 */
@Injectable()
export class Notifier implements OnModuleDestroy {
  /** Notifications sent within the last milliseconds; true: one more is due at the end. */
  private readonly recent = new Map<string, { channel: string; again: boolean; timer: NodeJS.Timeout }>();

  constructor(
    private readonly connections: RedisConnections,
    private readonly prefix: string,
  ) {}

  /** Fire and forget: never throws, never waits. */
  emit<Name extends NotificationName>(name: Name, payload: Notifications[Name]): void {
    const channel = channelOf(this.prefix, name);
    const message = JSON.stringify({ pattern: channel, data: payload });
    const known = this.recent.get(message);
    if (known) known.again = true;
    else this.send(channel, message);
  }

  onModuleDestroy(): void {
    for (const [message, { channel, again, timer }] of this.recent) {
      clearTimeout(timer);
      if (again) this.publish(channel, message);
    }
    this.recent.clear();
  }

  private send(channel: string, message: string): void {
    const timer = setTimeout(() => {
      const again = this.recent.get(message)?.again;
      this.recent.delete(message);
      if (again) this.send(channel, message);
    }, COALESCE_MS);
    this.recent.set(message, { channel, again: false, timer });
    this.publish(channel, message);
  }

  private publish(channel: string, message: string): void {
    this.connections.shared
      .publish(channel, message)
      .catch((error: unknown) => this.connections.report(`notification ${channel} was dropped`, error));
  }
}
