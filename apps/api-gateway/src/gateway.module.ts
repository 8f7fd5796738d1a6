import { type DynamicModule, Inject, Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { ClientKeys, EngineModule } from '@task-engine/engine';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import { builtInDefinitions, Definitions } from '@task-engine/workflows';
import { DefinitionWatch } from './definition-watch';
import { FastlaneModule } from './dialects/fastlane/fastlane.module';
import { TaskEngineModule } from './dialects/task-engine/task-engine.module';
import { TaskSchedulerModule } from './dialects/task-scheduler/task-scheduler.module';
import { TaskTrackerModule } from './dialects/task-tracker/task-tracker.module';
import { Presence } from './presence';

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
        EngineModule.forRoot({
          app: 'api-gateway',
          configuration,
          definitions: Definitions.load({
            directories: [builtInDefinitions(), ...(WORKFLOWS_DIR ? [WORKFLOWS_DIR] : [])],
          }),
        }),
        FastlaneModule,
        TaskEngineModule,
        TaskSchedulerModule,
        TaskTrackerModule,
      ],
      providers: [BootstrapClients, DefinitionWatch, Presence],
    };
  }
}
