import type { Sql } from '../sql';
import { AdmissionStore } from './admission.store';
import { ClientStore } from './client.store';
import { CommandStore } from './command.store';
import { ContainerHostStore } from './container-host.store';
import { DefinitionStore } from './definition.store';
import { DeliveryStore } from './delivery.store';
import { DueJobStore } from './due-job.store';
import { EngineWorkerStore } from './engine-worker.store';
import { ExecutionStore } from './execution.store';
import { GraphHistoryStore } from './graph-history.store';
import { GraphLaneStore } from './graph-lane.store';
import { GraphListStore } from './graph-list.store';
import { GraphTaskStore } from './graph-task.store';
import { IdempotencyKeyStore } from './idempotency-key.store';
import { JobLogStore } from './job-log.store';
import { JobQueryStore } from './job-query.store';
import { JobStore } from './job.store';
import { LaneStore } from './lane.store';
import { ManagerStore } from './manager.store';
import { ProjectAccessStore } from './project-access.store';
import { ProjectStore } from './project.store';
import { ProjectLimitStore } from './project-limit.store';
import { ProjectMonitorStore } from './project-monitor.store';
import { PullStepStore } from './pull-step.store';
import { PullTaskStore } from './pull-task.store';
import { PullWorkerStore } from './pull-worker.store';
import { RunStore } from './run.store';
import { RunDeliveryStore } from './run-delivery.store';
import { RunOutputStore } from './run-output.store';
import { ScheduleStore } from './schedule.store';
import { SettingStore } from './setting.store';
import { StatisticsStore } from './statistics.store';
import { SystemStore } from './system.store';
import { TaskStore } from './task.store';
import { TotalsStore } from './totals.store';
import { WebhookStore } from './webhook.store';
import { WorkerLogStore } from './worker-log.store';
import { WorkerStore } from './worker.store';

/** All stores over one way of running SQL: a pool, or one transaction. */
export interface Stores {
  admission: AdmissionStore;
  clients: ClientStore;
  commands: CommandStore;
  containerHosts: ContainerHostStore;
  definitions: DefinitionStore;
  deliveries: DeliveryStore;
  dueJobs: DueJobStore;
  engineWorkers: EngineWorkerStore;
  executions: ExecutionStore;
  graphHistory: GraphHistoryStore;
  graphLanes: GraphLaneStore;
  graphLists: GraphListStore;
  graphTasks: GraphTaskStore;
  idempotencyKeys: IdempotencyKeyStore;
  jobLog: JobLogStore;
  jobQueries: JobQueryStore;
  jobs: JobStore;
  lanes: LaneStore;
  managers: ManagerStore;
  projectAccess: ProjectAccessStore;
  projects: ProjectStore;
  projectLimits: ProjectLimitStore;
  projectMonitor: ProjectMonitorStore;
  pullSteps: PullStepStore;
  pullTasks: PullTaskStore;
  pullWorkers: PullWorkerStore;
  runDeliveries: RunDeliveryStore;
  runOutput: RunOutputStore;
  runs: RunStore;
  schedules: ScheduleStore;
  settings: SettingStore;
  statistics: StatisticsStore;
  system: SystemStore;
  tasks: TaskStore;
  totals: TotalsStore;
  webhooks: WebhookStore;
  workerLogs: WorkerLogStore;
  workers: WorkerStore;
}

export function createStores(sql: Sql): Stores {
  return {
    admission: new AdmissionStore(sql),
    clients: new ClientStore(sql),
    commands: new CommandStore(sql),
    containerHosts: new ContainerHostStore(sql),
    definitions: new DefinitionStore(sql),
    deliveries: new DeliveryStore(sql),
    dueJobs: new DueJobStore(sql),
    engineWorkers: new EngineWorkerStore(sql),
    executions: new ExecutionStore(sql),
    graphHistory: new GraphHistoryStore(sql),
    graphLanes: new GraphLaneStore(sql),
    graphLists: new GraphListStore(sql),
    graphTasks: new GraphTaskStore(sql),
    idempotencyKeys: new IdempotencyKeyStore(sql),
    jobLog: new JobLogStore(sql),
    jobQueries: new JobQueryStore(sql),
    jobs: new JobStore(sql),
    lanes: new LaneStore(sql),
    managers: new ManagerStore(sql),
    projectAccess: new ProjectAccessStore(sql),
    projects: new ProjectStore(sql),
    projectLimits: new ProjectLimitStore(sql),
    projectMonitor: new ProjectMonitorStore(sql),
    pullSteps: new PullStepStore(sql),
    pullTasks: new PullTaskStore(sql),
    pullWorkers: new PullWorkerStore(sql),
    runDeliveries: new RunDeliveryStore(sql),
    runOutput: new RunOutputStore(sql),
    runs: new RunStore(sql),
    schedules: new ScheduleStore(sql),
    settings: new SettingStore(sql),
    statistics: new StatisticsStore(sql),
    system: new SystemStore(sql),
    tasks: new TaskStore(sql),
    totals: new TotalsStore(sql),
    webhooks: new WebhookStore(sql),
    workerLogs: new WorkerLogStore(sql),
    workers: new WorkerStore(sql),
  };
}
