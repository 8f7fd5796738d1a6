import { DynamicModule, Module } from '@nestjs/common';
import { DatabaseModule } from '@task-engine/database';
import { EngineModule } from '@task-engine/engine';
import { MessagingModule } from '@task-engine/messaging';
import type { ControllerConfiguration } from '@task-engine/platform';
import { ClientConfigurations, Definitions } from '@task-engine/workflows';
import { AdmissionLoop } from './admission-loop';
import { AdvanceProcessor } from './advance.processor';
import { SuiteMetrics } from './suite-metrics';

@Module({})
export class ControllerModule {
  static forRoot(configuration: ControllerConfiguration): DynamicModule {
    return {
      module: ControllerModule,
      imports: [
        DatabaseModule.forRoot({
          url: configuration.DATABASE_URL,
          poolSize: configuration.DATABASE_POOL_SIZE,
          applicationName: 'task-engine job-controller',
        }),
        MessagingModule.forRoot({ redisUrl: configuration.REDIS_URL, prefix: configuration.REDIS_PREFIX }),
        EngineModule.forRoot({
          definitions: Definitions.load({}),
          clients: ClientConfigurations.load({ file: configuration.CLIENTS_CONFIG, dataDir: configuration.DATA_DIR }),
        }),
      ],
      providers: [AdmissionLoop, AdvanceProcessor, SuiteMetrics],
    };
  }
}
