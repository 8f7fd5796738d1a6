import { type DynamicModule, Module } from '@nestjs/common';
import { Database, DatabaseModule } from '@task-engine/database';
import { HintSender, WebhookEvents, WorkerRegistration } from '@task-engine/engine';
import { MessagingModule } from '@task-engine/messaging';
import { type DispatcherConfiguration, OutboundHttp, Shutdown } from '@task-engine/platform';
import { ClientConfigurations } from '@task-engine/workflows';
import { CallbackMetrics } from './callback-metrics';
import { CallbackProcessor } from './callback.processor';
import { DefinitionHeaders } from './definition-headers';
import { DeliverySender } from './delivery-sender';
import { DispatchLoop } from './dispatch-loop';
import { MailSender } from './mail-sender';

@Module({})
export class DispatcherModule {
  static forRoot(configuration: DispatcherConfiguration): DynamicModule {
    return {
      module: DispatcherModule,
      imports: [
        DatabaseModule.forRoot({
          url: configuration.DATABASE_URL,
          poolSize: configuration.DATABASE_POOL_SIZE,
          applicationName: 'task-engine callback-dispatcher',
        }),
        MessagingModule.forRoot({
          redisUrl: configuration.REDIS_URL,
          prefix: configuration.REDIS_PREFIX,
          receives: { queues: ['callback'], notifications: [] },
        }),
      ],
      providers: [
        {
          provide: OutboundHttp,
          inject: [Shutdown],
          useFactory: (shutdown: Shutdown) => {
            const outbound = new OutboundHttp({
              allow: configuration.OUTBOUND_ALLOW,
              timeoutMs: configuration.CALLBACK_TIMEOUT_SECONDS * 1_000,
              maxReplyBytes: configuration.OUTBOUND_REPLY_BYTES,
              connections: configuration.OUTBOUND_CONNECTIONS,
            });
            shutdown.onFlush('outbound', () => outbound.close());
            return outbound;
          },
        },
        {
          provide: DefinitionHeaders,
          inject: [Database],
          useFactory: (database: Database) =>
            // callbacks need headers and secrets only, no storage: the folder is never used
            new DefinitionHeaders(
              database,
              ClientConfigurations.load({ file: configuration.CLIENTS_CONFIG, dataDir: '.' }),
            ),
        },
        HintSender,
        WebhookEvents,
        WorkerRegistration,
        {
          provide: MailSender,
          inject: [Shutdown],
          useFactory: (shutdown: Shutdown) => {
            const mail = new MailSender(configuration);
            shutdown.onFlush('mail', () => mail.close());
            return mail;
          },
        },
        CallbackMetrics,
        DeliverySender,
        DispatchLoop,
        CallbackProcessor,
      ],
    };
  }
}
