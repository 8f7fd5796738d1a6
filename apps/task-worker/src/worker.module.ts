import { DynamicModule, Module } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { EngineModule, GraphWork, PullSteps, WorkRuns } from '@task-engine/engine';
import { Log, OutboundHttp, Shutdown, type WorkerConfiguration } from '@task-engine/platform';
import { ExecutionProcessor } from './execution.processor';
import { createExecutors } from './executors';
import { createRuntime } from './executors/container/create-runtime';
import type { ContainerRuntime } from './executors/container/runtime';
import { CONTAINER_RUNTIME, RuntimeReport } from './executors/container/runtime-report';
import { Spawners } from './executors/container/spawner';
import { StopRequests } from './executors/container/stop-requests';
import { PullStepWatch } from './executors/pull-step-watch';
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
          inject: [
            OutboundHttp,
            CONTAINER_RUNTIME,
            WorkRuns,
            StopRequests,
            PullSteps,
            PullStepWatch,
            Spawners,
            GraphWork,
          ],
          useFactory: (
            outbound: OutboundHttp,
            runtime: ContainerRuntime | null,
            runs: WorkRuns,
            stopRequests: StopRequests,
            steps: PullSteps,
            watch: PullStepWatch,
            spawner: Spawners,
            graphWork: GraphWork,
          ) =>
            new Executors(
              createExecutors({
                outbound,
                allowedCommands: configuration.COMMAND_ALLOW,
                ffmpegPath: configuration.FFMPEG_PATH,
                ffprobePath: configuration.FFPROBE_PATH,
                maxDownloadBytes: configuration.MAX_DOWNLOAD_BYTES,
                pull: { steps, watch },
                container: runtime
                  ? {
                      runtime,
                      runs,
                      stopRequests,
                      outputBytes: configuration.CONTAINER_OUTPUT_BYTES,
                      stopSeconds: configuration.CONTAINER_STOP_SECONDS,
                    }
                  : undefined,
                shell: {
                  launch: spawner.launch,
                  apiUrl: configuration.DTS_API_URL,
                  begin: (lease, jobId) => graphWork.begin(lease, jobId),
                },
              }),
            ),
        },
        {
          provide: CONTAINER_RUNTIME,
          inject: [Database, Log],
          useFactory: (database: Database, log: Log) =>
            configuration.CONTAINER_CONCURRENCY > 0 ? createRuntime(configuration, database, log) : null,
        },
        {
          provide: Spawners,
          inject: [Shutdown],
          useFactory: (shutdown: Shutdown) => {
            const spawner = new Spawners();
            shutdown.onFlush('shell', () => spawner.close());
            return spawner;
          },
        },
        ExecutionProcessor,
        JobLogWriter,
        Leases,
        PullStepWatch,
        RunExecution,
        RunTask,
        RuntimeReport,
        StopRequests,
        Workspace,
      ],
    };
  }
}
