import { DynamicModule, Module } from '@nestjs/common';
import { ClientConfigurations, Definitions } from '@task-engine/workflows';
import { AdmitJobs } from './admit-jobs';
import { AdvanceJobs } from './advance-jobs';
import { BreakJob } from './break-job';
import { ChangeSetting, PushJobs } from './change-setting';
import { ClaimExecutions } from './claim-executions';
import { AuthenticateClient, ClientKeys } from './clients';
import { DefinitionCache } from './definition-cache';
import { ExpireLeases } from './expire-leases';
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
import { SweepLost } from './sweep-lost';
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
  ExpireLeases,
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
  SwitchSchedule,
  SweepLost,
  UpdateJob,
  WorkerRegistration,
];

/** The verbs of the engine. The app provides DatabaseModule and MessagingModule beside it. */
@Module({})
export class EngineModule {
  static forRoot(options: { definitions: Definitions; clients: ClientConfigurations }): DynamicModule {
    return {
      module: EngineModule,
      global: true,
      providers: [
        { provide: Definitions, useValue: options.definitions },
        { provide: ClientConfigurations, useValue: options.clients },
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
