import { DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { Database, DatabaseModule, DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { MessagingModule, RedisReadiness, SubscriberReadiness } from '@task-engine/messaging';
import type {
  AppName,
  ClientsConfiguration,
  DatabaseConfiguration,
  Farm,
  ReadinessIndicator,
  RedisConfiguration,
} from '@task-engine/platform';
import { ClientConfigurations, Definitions } from '@task-engine/workflows';
import { AdmitJobs } from './admit-jobs';
import { AdvanceJobs } from './advance-jobs';
import { BreakJob } from './break-job';
import { ChangeSetting, PushJobs } from './change-setting';
import { ClaimExecutions } from './claim-executions';
import { AuthenticateClient, ClientKeys, FindClient } from './clients';
import { DefinitionCache } from './definition-cache';
import { ExplainWait } from './explain-wait';
import { ExpireLeases } from './expire-leases';
import { FoldTotals } from './fold-totals';
import { CancelGraphTask, RetryGraphTask } from './graph/cancel-graph-task';
import { ChangeGraphTask } from './graph/change-graph-task';
import { KeepCheckpoint } from './graph/checkpoints';
import { CreateGraphTaskOnce } from './graph/create-graph-task-once';
import { CreateGraphTasks } from './graph/create-graph-tasks';
import { EndGraphTasks } from './graph/end-graph-tasks';
import { GraphLanes } from './graph/graph-lanes';
import { GraphTasks } from './graph/graph-tasks';
import { GraphWork } from './graph/graph-work';
import { ReadGraphTasks } from './graph/read-graph-tasks';
import { HeartbeatExecutions } from './heartbeat-executions';
import { HintSender } from './hints';
import { JobEvents } from './job-events';
import { JobViews } from './job-views';
import { Lanes } from './lanes';
import { ProbeSemaphore, ReleaseDue } from './release-due';
import { Managers } from './projects/managers';
import { Passwords } from './projects/passwords';
import { ProjectAccess } from './projects/project-access';
import { Projects } from './projects/projects';
import { PullWorkers } from './projects/pull-workers';
import { WorkerLogs } from './projects/worker-logs';
import { ClaimPullTasks } from './pull/claim-pull-tasks';
import { ProjectGates } from './pull/project-gates';
import { ProjectMonitor } from './pull/project-monitor';
import { ProjectUpkeep } from './pull/project-upkeep';
import { PULL_OPTIONS, type PullOptions, RECLAIM_SECONDS } from './pull/pull-options';
import { PullSteps } from './pull/pull-steps';
import { PullTasks } from './pull/pull-tasks';
import { ReleasePullTasks } from './pull/release-pull-tasks';
import { ResetPullTasks } from './pull/reset-pull-tasks';
import { SubmitPullTasks } from './pull/submit-pull-tasks';
import { ReadHealth } from './read-health';
import { ReadJobs } from './read-jobs';
import { ReportExecutions } from './report-executions';
import { RerunJob } from './rerun-job';
import { RetainJobs } from './retain-jobs';
import { ReadSchedules, SwitchSchedule } from './schedules';
import { CancelRuns } from './runs/cancel-runs';
import { EndRuns } from './runs/end-runs';
import { EnqueueCommand } from './runs/enqueue-command';
import { Farms } from './runs/farms';
import { FireCommands } from './runs/fire-commands';
import { ReadCommands } from './runs/read-commands';
import { ContainerHosts, ReadFarm } from './runs/read-farm';
import { RetryCommand } from './runs/retry-command';
import { RunEvents } from './runs/run-events';
import { RunJobs } from './runs/run-jobs';
import { StopCommand, StopRun } from './runs/stop-command';
import { WorkRuns } from './runs/work-runs';
import { SubmitJob } from './submit-job';
import { SubmitOnce } from './submit-once';
import { SweepLost } from './sweep-lost';
import { TimeOutJobs } from './time-out-jobs';
import { UpdateJob } from './update-job';
import { EngineWorkers } from './system/engine-workers';
import { SystemReport } from './system/system-report';
import { WatchWorkers } from './system/watch-workers';
import { WebhookEvents } from './webhooks/webhook-events';
import { Webhooks } from './webhooks/webhooks';
import { WorkerRegistration } from './worker-registration';

const VERBS = [
  AdmitJobs,
  AdvanceJobs,
  AuthenticateClient,
  BreakJob,
  ChangeSetting,
  ClaimExecutions,
  ClientKeys,
  ContainerHosts,
  CreateGraphTaskOnce,
  EngineWorkers,
  EnqueueCommand,
  ExplainWait,
  ExpireLeases,
  FindClient,
  FireCommands,
  FoldTotals,
  GraphLanes,
  GraphTasks,
  GraphWork,
  HeartbeatExecutions,
  Managers,
  ProbeSemaphore,
  ProjectAccess,
  ProjectMonitor,
  ProjectUpkeep,
  Projects,
  PullSteps,
  PullTasks,
  PullWorkers,
  PushJobs,
  ReadCommands,
  ReadFarm,
  ReadHealth,
  ReadJobs,
  ReadSchedules,
  ReleaseDue,
  ReportExecutions,
  RerunJob,
  RetainJobs,
  RetryCommand,
  StopCommand,
  StopRun,
  SubmitJob,
  SubmitOnce,
  SwitchSchedule,
  SweepLost,
  SystemReport,
  TimeOutJobs,
  UpdateJob,
  WatchWorkers,
  WebhookEvents,
  Webhooks,
  WorkerLogs,
  WorkerRegistration,
  WorkRuns,
];

/** What every app of the suite is configured with. */
type EngineConfiguration = DatabaseConfiguration &
  RedisConfiguration &
  ClientsConfiguration & {
    DATA_DIR: string;
    /** Of apps that accept commands. */
    DOCKER_HOSTS?: Farm[];
    /** Of apps that give tasks to workers of others. */
    TASK_TRACKER_RECLAIM_SECONDS?: number;
  };

export interface EngineOptions {
  /** Name of the app, shown in pg_stat_activity. */
  app: AppName;
  configuration: EngineConfiguration;
  /** For apps that accept submissions; the others run what jobs were accepted with. */
  definitions?: Definitions;
}

/** The verbs of the engine, over a pool to PostgreSQL and connections to Redis of the app's own. */
@Module({})
export class EngineModule {
  static forRoot({ app, configuration, definitions }: EngineOptions): DynamicModule {
    return {
      module: EngineModule,
      global: true,
      imports: [
        DatabaseModule.forRoot({
          url: configuration.DATABASE_URL,
          poolSize: configuration.DATABASE_POOL_SIZE,
          applicationName: `task-engine ${app}`,
        }),
        MessagingModule.forRoot({ redisUrl: configuration.REDIS_URL, prefix: configuration.REDIS_PREFIX }),
      ],
      providers: [
        { provide: Definitions, useFactory: () => definitions ?? Definitions.load({}) },
        {
          provide: ClientConfigurations,
          useFactory: () =>
            ClientConfigurations.load({ file: configuration.CLIENTS_CONFIG, dataDir: configuration.DATA_DIR }),
        },
        {
          provide: Farms,
          inject: [Database, HintSender],
          useFactory: (database: Database, hints: HintSender) =>
            new Farms(configuration.DOCKER_HOSTS ?? [], database, hints),
        },
        {
          provide: PULL_OPTIONS,
          useValue: {
            reclaimSeconds: configuration.TASK_TRACKER_RECLAIM_SECONDS ?? RECLAIM_SECONDS,
          } satisfies PullOptions,
        },
        CancelGraphTask,
        CancelRuns,
        ChangeGraphTask,
        ClaimPullTasks,
        CreateGraphTasks,
        DefinitionCache,
        EndGraphTasks,
        EndRuns,
        HintSender,
        JobEvents,
        JobViews,
        KeepCheckpoint,
        Lanes,
        Passwords,
        ProjectGates,
        ReadGraphTasks,
        ReleasePullTasks,
        ResetPullTasks,
        RetryGraphTask,
        RunEvents,
        RunJobs,
        SubmitPullTasks,
        ...VERBS,
      ],
      exports: [...VERBS, Farms, HintSender, JobEvents, Lanes, Definitions, ClientConfigurations],
    };
  }
}

/** What has to hold before an app of the suite is ready. */
export function engineReadiness(app: INestApplicationContext): ReadinessIndicator[] {
  return [
    app.get(DatabaseReadiness),
    app.get(MigrationsReadiness),
    app.get(RedisReadiness),
    app.get(SubscriberReadiness),
  ];
}
