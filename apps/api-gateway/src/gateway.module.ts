import { type DynamicModule, Inject, Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DatabaseModule } from '@task-engine/database';
import { ClientKeys, EngineModule } from '@task-engine/engine';
import { MessagingModule } from '@task-engine/messaging';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import { builtInDefinitions, ClientConfigurations, Definitions } from '@task-engine/workflows';
import { TaskEngineModule } from './dialects/task-engine/task-engine.module';

/** The clients that exist after start-up (BOOTSTRAP_CLIENTS), before the first request can come. */
@Injectable()
class BootstrapClients implements OnApplicationBootstrap {
  constructor(
    private readonly keys: ClientKeys,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.keys.bootstrap(this.configuration.BOOTSTRAP_CLIENTS);
  }
}

@Module({})
export class GatewayModule {
  static forRoot(configuration: GatewayConfiguration): DynamicModule {
    const { WORKFLOWS_DIR } = configuration;
    return {
      module: GatewayModule,
      imports: [
        DatabaseModule.forRoot({
          url: configuration.DATABASE_URL,
          poolSize: configuration.DATABASE_POOL_SIZE,
          applicationName: 'task-engine api-gateway',
        }),
        MessagingModule.forRoot({ redisUrl: configuration.REDIS_URL, prefix: configuration.REDIS_PREFIX }),
        EngineModule.forRoot({
          definitions: Definitions.load({ directories: [builtInDefinitions(), ...(WORKFLOWS_DIR ? [WORKFLOWS_DIR] : [])] }),
          clients: ClientConfigurations.load({ file: configuration.CLIENTS_CONFIG, dataDir: configuration.DATA_DIR }),
        }),
        TaskEngineModule,
      ],
      providers: [BootstrapClients],
    };
  }
}
