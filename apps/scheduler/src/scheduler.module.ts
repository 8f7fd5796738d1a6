import { DynamicModule, Module } from '@nestjs/common';
import { Leadership } from '@task-engine/database';
import { EngineModule, WorkerRegistration } from '@task-engine/engine';
import { OutboundHttp, type SchedulerConfiguration } from '@task-engine/platform';
import { Bookkeeper } from './bookkeeper';
import { Leader } from './leader';
import { SemaphoreProcessor } from './semaphore.processor';
import { Timekeeper } from './timekeeper';
import { WorkerWatch } from './worker-watch';

@Module({})
export class SchedulerModule {
  static forRoot(configuration: SchedulerConfiguration): DynamicModule {
    return {
      module: SchedulerModule,
      imports: [EngineModule.forRoot({ app: 'scheduler', configuration })],
      providers: [
        {
          provide: Leadership,
          inject: [WorkerRegistration],
          useFactory: ({ id }: WorkerRegistration) => new Leadership(configuration.DATABASE_URL, id),
        },
        {
          provide: OutboundHttp,
          useFactory: () => OutboundHttp.from(configuration, configuration.SEMAPHORE_TIMEOUT_SECONDS * 1_000),
        },
        Bookkeeper,
        Leader,
        Timekeeper,
        SemaphoreProcessor,
        WorkerWatch,
      ],
    };
  }
}
