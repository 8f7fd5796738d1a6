export { AdmitJobs, type Admitted } from './admit-jobs';
export { AdvanceJobs } from './advance-jobs';
export { Batch, isOfOneItem } from './batch';
export { BreakJob } from './break-job';
export { ChangeSetting, PushJobs } from './change-setting';
export { ClaimExecutions, type ClaimedWork } from './claim-executions';
export { AuthenticateClient, ClientKeys, FindClient } from './clients';
export { engineReadiness, EngineModule, type EngineOptions } from './engine.module';
export { ExplainWait } from './explain-wait';
export { ExpireLeases } from './expire-leases';
export { FoldTotals } from './fold-totals';
export { HeartbeatExecutions } from './heartbeat-executions';
export { HintSender, type Hints } from './hints';
export { JobEvents } from './job-events';
export { Lanes } from './lanes';
export { type Answer, ProbeSemaphore, RELEASE_SCHEDULE, ReleaseDue } from './release-due';
export type {
  CancelAnswer,
  CheckpointAnswer,
  CreateAnswer,
  RemoveAnswer,
  RetryAnswer,
  UpdateAnswer,
} from './graph/answers';
export { CreateGraphTaskOnce } from './graph/create-graph-task-once';
export { GRAPH_QUEUE } from './graph/graph-definition';
export { GraphLanes } from './graph/graph-lanes';
export { GraphTasks } from './graph/graph-tasks';
export { GraphWork } from './graph/graph-work';
export * from './graph/views';
export { Managers } from './projects/managers';
export { ProjectAccess } from './projects/project-access';
export { Projects } from './projects/projects';
export { PullWorkers } from './projects/pull-workers';
export * from './projects/views';
export { type Happened, WebhookEvents } from './webhooks/webhook-events';
export { Webhooks } from './webhooks/webhooks';
export { WorkerLogs } from './projects/worker-logs';
export { ProjectMonitor } from './pull/project-monitor';
export { ProjectUpkeep } from './pull/project-upkeep';
export { PullSteps, type StepState } from './pull/pull-steps';
export { type AssignedTask, PullTasks } from './pull/pull-tasks';
export type { ClaimRefusal } from './pull/claim-pull-tasks';
export type { NewPullTask, SubmitRefusal } from './pull/submit-pull-tasks';
export * from './read-health';
export * from './read-jobs';
export { ReportExecutions, type Outcome, type Report } from './report-executions';
export { RerunJob } from './rerun-job';
export { RetainJobs } from './retain-jobs';
export { ReadSchedules, SwitchSchedule } from './schedules';
export * from './runs/command-request';
export * from './runs/command-views';
export { parseCron } from './runs/cron';
export type { RunFailure } from './runs/end-runs';
export { EnqueueCommand, type EnqueuedCommand } from './runs/enqueue-command';
export { Farms } from './runs/farms';
export { FireCommands } from './runs/fire-commands';
export { ReadCommands } from './runs/read-commands';
export { ContainerHosts, ReadFarm } from './runs/read-farm';
export { RetryCommand } from './runs/retry-command';
export { RUN_QUEUE } from './runs/run-definition';
export { StopCommand, StopRun } from './runs/stop-command';
export { type TakenRun, WorkRuns } from './runs/work-runs';
export { SubmitJob, type Submitted } from './submit-job';
export { SubmitOnce } from './submit-once';
export { SweepLost } from './sweep-lost';
export { EngineWorkers } from './system/engine-workers';
export { SystemReport } from './system/system-report';
export { WatchWorkers } from './system/watch-workers';
export { TimeOutJobs } from './time-out-jobs';
export { UpdateJob, type JobChanges } from './update-job';
export { type ServedQueue, WorkerRegistration, type WorkerTraits } from './worker-registration';
