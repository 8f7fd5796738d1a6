import { DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { DatabaseModule, DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { MessagingModule, RedisReadiness, SubscriberReadiness } from '@task-engine/messaging';
import type {
  AppName,
  ClientsConfiguration,
  DatabaseConfiguration,
  ReadinessIndicator,
  RedisConfiguration,
} from '@task-engine/platform';
import { ClientConfigurations, Definitions } from '@task-engine/workflows';
import { AdmitJobs } from './admit-jobs';
import { AdvanceJobs } from './advance-jobs';
import { BreakJob } from './break-job';
import { ChangeSetting, PushJobs } from './change-setting';
import { ClaimExecutions } from './claim-executions';
import { AuthenticateClient, ClientKeys } from './clients';
import { DefinitionCache } from './definition-cache';
import { ExplainWait } from './explain-wait';
import { ExpireLeases } from './expire-leases';
import { FoldTotals } from './fold-totals';
import { HeartbeatExecutions } from './heartbeat-executions';
import { HintSender } from './hints';
import { JobEvents } from './job-events';
import { JobViews } from './job-views';
import { Lanes } from './lanes';
import { ProbeSemaphore, ReleaseDue } from './release-due';
import { ReadHealth } from './read-health';
import { ReadJobs } from './read-jobs';
import { ReportExecutions } from './report-executions';
import { RerunJob } from './rerun-job';
import { RetainJobs } from './retain-jobs';
import { ReadSchedules, SwitchSchedule } from './schedules';
import { SubmitJob } from './submit-job';
import { SubmitOnce } from './submit-once';
import { SweepLost } from './sweep-lost';
import { TimeOutJobs } from './time-out-jobs';
import { UpdateJob } from './update-job';
import { WorkerRegistration } from './worker-registration';

const VERBS = [
  AdmitJobs,
  AdvanceJobs,
  AuthenticateClient,
  BreakJob,
  ChangeSetting,
  ClaimExecutions,
  ClientKeys,
  ExplainWait,
  ExpireLeases,
  FoldTotals,
  HeartbeatExecutions,
  ProbeSemaphore,
  PushJobs,
  ReadHealth,
  ReadJobs,
  ReadSchedules,
  ReleaseDue,
  ReportExecutions,
  RerunJob,
  RetainJobs,
  SubmitJob,
  SubmitOnce,
  SwitchSchedule,
  SweepLost,
  TimeOutJobs,
  UpdateJob,
  WorkerRegistration,
];

/** What every app of the suite is configured with. */
type EngineConfiguration = DatabaseConfiguration & RedisConfiguration & ClientsConfiguration & { DATA_DIR: string };

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
        DefinitionCache,
        HintSender,
        JobEvents,
        JobViews,
        Lanes,
        ...VERBS,
      ],
      exports: [...VERBS, HintSender, JobEvents, Lanes, Definitions, ClientConfigurations],
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
