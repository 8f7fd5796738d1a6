import { BullModule } from '@nestjs/bull';
import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { FIXED_QUEUES, WORKER_QUEUES, type NotificationName } from '@task-engine/dto';

import { NotificationServer } from './notification-server';
import { Notifier } from './notifier';
import { RedisReadiness, SubscriberReadiness } from './redis.readiness';
import { RedisConnections } from './redis-connections';
import { RequestLimiter } from './request-limiter';
import { bullOptions, WorkQueues } from './work-queues';

export interface MessagingOptions {
  redisUrl: string;
  /** Start of every key and channel (`REDIS_PREFIX`). */
  prefix: string;
  /** Worker queues beside `work` and `windows_capture`. */
  workerQueues?: string[];
  /** What this app is there to receive. When given, start-up refuses an app that lacks one of these handlers or has another one. */
  receives?: { queues: readonly string[]; notifications: readonly NotificationName[] };
}

const OPTIONS = Symbol('messaging options');

/** Redis for one app: work queues, notifications, readiness. Its connections live as long as the app. */
@Module({})
export class MessagingModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(OPTIONS) private readonly options: MessagingOptions,
    private readonly connections: RedisConnections,
    private readonly queues: WorkQueues,
    private readonly server: NotificationServer,
  ) {}

  static forRoot(options: MessagingOptions): DynamicModule {
    const connections = new RedisConnections(options.redisUrl);
    const bull = bullOptions(options.prefix, connections);
    const queues = new Set<string>([...FIXED_QUEUES, ...WORKER_QUEUES, ...(options.workerQueues ?? [])]);
    return {
      module: MessagingModule,
      global: true,
      imports: [BullModule.forRoot(bull), BullModule.registerQueue(...[...queues].map((name) => ({ name })))],
      providers: [
        { provide: OPTIONS, useValue: options },
        { provide: RedisConnections, useValue: connections },
        {
          provide: WorkQueues,
          inject: [ModuleRef],
          useFactory: (module: ModuleRef) => new WorkQueues(module, connections, bull),
        },
        { provide: Notifier, useFactory: () => new Notifier(connections, options.prefix) },
        { provide: NotificationServer, useFactory: () => new NotificationServer(connections, options.prefix) },
        { provide: RequestLimiter, useFactory: () => new RequestLimiter(connections, options.prefix) },
        RedisReadiness,
        SubscriberReadiness,
      ],
      exports: [WorkQueues, Notifier, NotificationServer, RequestLimiter, RedisReadiness, SubscriberReadiness],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    const { receives } = this.options;
    if (!receives) return;
    const faults = [
      ...differences('queue', receives.queues, this.queues.processed()),
      ...differences('notification', receives.notifications, this.server.handled()),
    ];
    if (faults.length === 0) return;
    // Nest calls no destroy hook of an app that did not start
    await this.queues.onModuleDestroy();
    this.connections.close();
    throw new Error(faults.join('; '));
  }

  onApplicationShutdown(): void {
    this.connections.close();
  }
}

function differences(kind: string, expected: readonly string[], actual: readonly string[]): string[] {
  return [
    ...expected.filter((name) => !actual.includes(name)).map((name) => `${kind} ${name} has no handler`),
    ...actual
      .filter((name) => !expected.includes(name))
      .map((name) => `${kind} ${name} has a handler but is not expected here`),
  ];
}
