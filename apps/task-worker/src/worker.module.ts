import { DynamicModule, Module } from '@nestjs/common';
import { DatabaseModule } from '@task-engine/database';
import { EngineModule } from '@task-engine/engine';
import { MessagingModule } from '@task-engine/messaging';
import { OutboundHttp, type WorkerConfiguration } from '@task-engine/platform';
import { ClientConfigurations, Definitions } from '@task-engine/workflows';
import { ExecutionProcessor } from './execution.processor';
import { createExecutors } from './executors';
import { JobLogWriter } from './job-log-writer';
import { Leases } from './leases';
import { Executors, RunTask } from './run-task';
import { Workspace } from './workspace';

/** Seconds for one request of an `http` task or one source file's answer to begin; a task's own time limit is shorter or longer. */
const OUTBOUND_TIMEOUT_MS = 60_000;

@Module({})
export class WorkerModule {
  static forRoot(configuration: WorkerConfiguration): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        DatabaseModule.forRoot({
          url: configuration.DATABASE_URL,
          poolSize: configuration.DATABASE_POOL_SIZE,
          applicationName: 'task-engine task-worker',
        }),
        MessagingModule.forRoot({ redisUrl: configuration.REDIS_URL, prefix: configuration.REDIS_PREFIX }),
        EngineModule.forRoot({
          definitions: Definitions.load({}),
          clients: ClientConfigurations.load({ file: configuration.CLIENTS_CONFIG, dataDir: configuration.DATA_DIR }),
        }),
      ],
      providers: [
        {
          provide: OutboundHttp,
          useFactory: () => new OutboundHttp({ allow: configuration.OUTBOUND_ALLOW, timeoutMs: OUTBOUND_TIMEOUT_MS }),
        },
        {
          provide: Executors,
          inject: [OutboundHttp],
          useFactory: (outbound: OutboundHttp) =>
            new Executors(createExecutors({ outbound, allowedCommands: configuration.COMMAND_ALLOW })),
        },
        ExecutionProcessor,
        JobLogWriter,
        Leases,
        RunTask,
        Workspace,
      ],
    };
  }
}
