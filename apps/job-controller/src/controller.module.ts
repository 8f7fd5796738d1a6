import { DynamicModule, Module } from '@nestjs/common';
import { EngineModule } from '@task-engine/engine';
import type { ControllerConfiguration } from '@task-engine/platform';
import { AdmissionLoop } from './admission-loop';
import { AdvanceProcessor } from './advance.processor';
import { SuiteMetrics } from './suite-metrics';

@Module({})
export class ControllerModule {
  static forRoot(configuration: ControllerConfiguration): DynamicModule {
    return {
      module: ControllerModule,
      imports: [EngineModule.forRoot({ app: 'job-controller', configuration })],
      providers: [AdmissionLoop, AdvanceProcessor, SuiteMetrics],
    };
  }
}
