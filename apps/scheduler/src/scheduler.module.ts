import { DynamicModule, Module } from '@nestjs/common';
import { DatabaseModule, Leadership } from '@task-engine/database';
import { EngineModule } from '@task-engine/engine';
import { MessagingModule } from '@task-engine/messaging';
import { OutboundHttp, type SchedulerConfiguration } from '@task-engine/platform';
import { ClientConfigurations, Definitions } from '@task-engine/workflows';
import { Leader } from './leader';
import { SemaphoreProcessor } from './semaphore.processor';
import { Timekeeper } from './timekeeper';

@Module({})
export class SchedulerModule {
  static forRoot(configuration: SchedulerConfiguration): DynamicModule {
    return {
      module: SchedulerModule,
      imports: [
        DatabaseModule.forRoot({
          url: configuration.DATABASE_URL,
          poolSize: configuration.DATABASE_POOL_SIZE,
          applicationName: 'task-engine scheduler',
        }),
        MessagingModule.forRoot({ redisUrl: configuration.REDIS_URL, prefix: configuration.REDIS_PREFIX }),
        EngineModule.forRoot({
          definitions: Definitions.load({}),
          clients: ClientConfigurations.load({ file: configuration.CLIENTS_CONFIG, dataDir: configuration.DATA_DIR }),
        }),
      ],
      providers: [
        { provide: Leadership, useFactory: () => new Leadership(configuration.DATABASE_URL) },
        {
          provide: OutboundHttp,
          useFactory: () =>
            new OutboundHttp({
              allow: configuration.OUTBOUND_ALLOW,
              timeoutMs: configuration.SEMAPHORE_TIMEOUT_SECONDS * 1_000,
            }),
        },
        Leader,
        Timekeeper,
        SemaphoreProcessor,
      ],
    };
  }
}
