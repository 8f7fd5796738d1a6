import { Injectable } from '@nestjs/common';

import { NotificationServer } from './notification-server';
import { WorkQueues } from './work-queues';

/** Redis answers. */
@Injectable()
export class RedisReadiness {
  readonly name = 'redis';

  constructor(private readonly queues: WorkQueues) {}

  async check(): Promise<void> {
    await this.queues.ping();
  }
}

/** Notifications are heard. For apps that have a NotificationServer as their strategy. */
@Injectable()
export class SubscriberReadiness {
  readonly name = 'subscriber';

  constructor(private readonly server: NotificationServer) {}

  async check(): Promise<void> {
    if (!this.server.subscribed()) throw new Error('notifications are not subscribed');
  }
}
