export { createDataSource, type ConnectionOptions, PLANNER } from './data-source';
export { type Commit, Database, later } from './database';
export { DatabaseModule, DatabaseReadiness, MigrationsReadiness } from './database.module';
export { Leadership } from './leadership';
export { migrate } from './migrate';
export { isUnavailable } from './unavailability';
export type { CallingClient, ClientKeyRecord, ClientRecord, KeyHash } from './stores/client.store';
export type { CommandRecord, GroupRecord, NewCommand } from './stores/command.store';
export { CIRCUIT, type HostState, type RuntimeKind } from './stores/container-host.store';
export type { ClaimedDelivery } from './stores/delivery-claim';
export type { DeliveryFilter, DeliveryRecord, DeliveryReport, NewDelivery } from './stores/delivery.store';
export type {
  ClaimedExecution,
  EndedExecution,
  ExecutionCause,
  Lease,
  LostExecution,
  NewExecution,
  Wanted,
} from './stores/execution.store';
export { GRAPH_LANE } from './stores/graph-lane.store';
export type { GraphTaskRecord } from './stores/graph-list.store';
export type { NewGraphTaskRow, ParentTask, ReleasedTask } from './stores/graph-task.store';
export type { KeptSubmission } from './stores/idempotency-key.store';
export { SEVERITY, type LogLine, type Progname } from './stores/job-log.store';
export type { JobRecord, NewJob, SubmittedJobRecord } from './stores/job.store';
export { LANE_SETTINGS, type LaneRecord } from './stores/lane.store';
export type { ManagerRecord } from './stores/manager.store';
export { isNameTaken, type NewProject, type ProjectRecord } from './stores/project.store';
export type { AccessRecord } from './stores/project-access.store';
export type { ProjectGate } from './stores/project-limit.store';
export type { ProjectSnapshot } from './stores/project-monitor.store';
export { PULL_QUEUE } from './stores/pull-queue';
export type { AssignedPullTask, HeldPullTask, NewPullTaskRow } from './stores/pull-task.store';
export type { PullWorkerRecord } from './stores/pull-worker.store';
export type { WorkerLogRecord } from './stores/worker-log.store';
export type { NewRun, RunOfLease, RunPlace, RunRecord, RunResult, RunWithCommand } from './stores/run.store';
export type { NewOutput, OutputPieceRow } from './stores/run-output.store';
export type { ScheduleRecord } from './stores/schedule.store';
export type { Sql } from './sql';
export { createStores, type Stores } from './stores/stores';
export type { NewTask, QueuedExecution, TaskRecord } from './stores/task.store';
export type { EngineWorkerStatus, WorkerTaskRecord } from './stores/engine-worker.store';
export type { OpenGraphTasks, SystemParts } from './stores/system.store';
export type { NewWebhook, Slice, WebhookDeliveryRecord, WebhookRecord } from './stores/webhook.store';
export { TASK_WORKER, WORKER_SILENCE_SECONDS, type WorkerNews, type WorkerRecord } from './stores/worker.store';
export { JOB_ORDERS, type JobFilter, type JobOrder } from './stores/job-list';
export type { Horizon, Marks } from './stores/totals.store';
export { type JobLogRow, type JobSummary, type JobView, type OpenJobs } from './stores/job-query.store';
export type { QueueStatistics, Statistics } from './stores/statistics.store';
