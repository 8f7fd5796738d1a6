import { DynamicModule, Module } from '@nestjs/common';
import { Leadership } from '@task-engine/database';
import { EngineModule } from '@task-engine/engine';
import { OutboundHttp, type SchedulerConfiguration } from '@task-engine/platform';
import { Bookkeeper } from './bookkeeper';
import { Leader } from './leader';
import { SemaphoreProcessor } from './semaphore.processor';
import { Timekeeper } from './timekeeper';

@Module({})
export class SchedulerModule {
  static forRoot(configuration: SchedulerConfiguration): DynamicModule {
    return {
      module: SchedulerModule,
      imports: [EngineModule.forRoot({ app: 'scheduler', configuration })],
      providers: [
        { provide: Leadership, useFactory: () => new Leadership(configuration.DATABASE_URL) },
        {
          provide: OutboundHttp,
          useFactory: () => OutboundHttp.from(configuration, configuration.SEMAPHORE_TIMEOUT_SECONDS * 1_000),
        },
        Bookkeeper,
        Leader,
        Timekeeper,
        SemaphoreProcessor,
      ],
    };
  }
}
