import { DynamicModule, Module } from '@nestjs/common';
import { EngineModule } from '@task-engine/engine';
import { OutboundHttp, type WorkerConfiguration } from '@task-engine/platform';
import { ExecutionProcessor } from './execution.processor';
import { createExecutors } from './executors';
import { JobLogWriter } from './job-log-writer';
import { Leases } from './leases';
import { RunExecution } from './run-execution';
import { Executors, RunTask } from './run-task';
import { Workspace } from './workspace';

/** Seconds for one request of an `http` task or one source file's answer to begin; a task's own time limit is shorter or longer. */
const OUTBOUND_TIMEOUT_MS = 60_000;

@Module({})
export class WorkerModule {
  static forRoot(configuration: WorkerConfiguration): DynamicModule {
    return {
      module: WorkerModule,
      imports: [EngineModule.forRoot({ app: 'task-worker', configuration })],
      providers: [
        {
          provide: OutboundHttp,
          useFactory: () => OutboundHttp.from(configuration, OUTBOUND_TIMEOUT_MS),
        },
        {
          provide: Executors,
          inject: [OutboundHttp],
          useFactory: (outbound: OutboundHttp) =>
            new Executors(
              createExecutors({
                outbound,
                allowedCommands: configuration.COMMAND_ALLOW,
                ffmpegPath: configuration.FFMPEG_PATH,
                ffprobePath: configuration.FFPROBE_PATH,
                maxDownloadBytes: configuration.MAX_DOWNLOAD_BYTES,
              }),
            ),
        },
        ExecutionProcessor,
        JobLogWriter,
        Leases,
        RunExecution,
        RunTask,
        Workspace,
      ],
    };
  }
}
