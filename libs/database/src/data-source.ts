import { DataSource, type DataSourceOptions } from 'typeorm';
import { ClientEntity } from './entities/client.entity';
import { ClientKeyEntity } from './entities/client-key.entity';
import { CounterEntity } from './entities/counter.entity';
import { DefinitionEntity } from './entities/definition.entity';
import { DeliveryEntity } from './entities/delivery.entity';
import { DeliveryAttemptEntity } from './entities/delivery-attempt.entity';
import { ExecutionEntity } from './entities/execution.entity';
import { IdempotencyKeyEntity } from './entities/idempotency-key.entity';
import { JobEntity } from './entities/job.entity';
import { JobLogEntity } from './entities/job-log.entity';
import { JobSearchEntity } from './entities/job-search.entity';
import { JobTransitionEntity } from './entities/job-transition.entity';
import { LaneEntity } from './entities/lane.entity';
import { ScheduleEntity } from './entities/schedule.entity';
import { ScheduleTickEntity } from './entities/schedule-tick.entity';
import { SettingEntity } from './entities/setting.entity';
import { TaskEntity } from './entities/task.entity';
import { UnsettledEntity } from './entities/unsettled.entity';
import { ProjectEntity } from './entities/project.entity';
import { PullWorkerEntity } from './entities/pull-worker.entity';
import { ProjectAccessEntity } from './entities/project-access.entity';
import { WorkerLogEntity } from './entities/worker-log.entity';
import { ProjectSnapshotEntity } from './entities/project-snapshot.entity';
import { ManagerEntity } from './entities/manager.entity';
import { ManagerSessionEntity } from './entities/manager-session.entity';
import { ProjectRoleEntity } from './entities/project-role.entity';
import { PullTaskEntity } from './entities/pull-task.entity';
import { PullVoteEntity } from './entities/pull-vote.entity';
import { WorkerEntity } from './entities/worker.entity';
import { WorkerQueueEntity } from './entities/worker-queue.entity';
import { CommandGroupEntity } from './entities/command-group.entity';
import { CommandEntity } from './entities/command.entity';
import { RunEntity } from './entities/run.entity';
import { RunOutputEntity } from './entities/run-output.entity';
import { ContainerHostEntity } from './entities/container-host.entity';
import { WorkerRuntimeEntity } from './entities/worker-runtime.entity';
import { GraphTaskEntity } from './entities/graph-task.entity';
import { GraphEdgeEntity } from './entities/graph-edge.entity';
import { GraphWaitEntity } from './entities/graph-wait.entity';
import { GraphHourEntity } from './entities/graph-hour.entity';
import { WebhookEntity } from './entities/webhook.entity';
import { Initial1700000000000 } from './migrations/1700000000000-initial';
import { IdempotencyKey1700000000050 } from './migrations/1700000000050-idempotency-key';
import { CostOfManyJobs1700000000100 } from './migrations/1700000000100-cost-of-many-jobs';
import { HotPath1700000000200 } from './migrations/1700000000200-hot-path';
import { Commands1700000000300 } from './migrations/1700000000300-commands';
import { Projects1700000000400 } from './migrations/1700000000400-projects';
import { Graphs1700000000500 } from './migrations/1700000000500-graphs';
import { watched } from './watched-client';

export const ENTITIES = [
  ClientEntity,
  ClientKeyEntity,
  CounterEntity,
  DefinitionEntity,
  DeliveryEntity,
  DeliveryAttemptEntity,
  ExecutionEntity,
  IdempotencyKeyEntity,
  JobEntity,
  JobLogEntity,
  JobSearchEntity,
  JobTransitionEntity,
  LaneEntity,
  ScheduleEntity,
  ScheduleTickEntity,
  SettingEntity,
  TaskEntity,
  UnsettledEntity,
  ProjectEntity,
  PullWorkerEntity,
  ProjectAccessEntity,
  WorkerLogEntity,
  ProjectSnapshotEntity,
  ManagerEntity,
  ManagerSessionEntity,
  ProjectRoleEntity,
  PullTaskEntity,
  PullVoteEntity,
  WorkerEntity,
  WorkerQueueEntity,
  CommandGroupEntity,
  CommandEntity,
  RunEntity,
  RunOutputEntity,
  ContainerHostEntity,
  WorkerRuntimeEntity,
  GraphTaskEntity,
  GraphEdgeEntity,
  GraphWaitEntity,
  GraphHourEntity,
  WebhookEntity,
];

export interface ConnectionOptions {
  url: string;
  /** Connections of the pool, default 10. */
  poolSize?: number;
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /**
   * Seconds after which the server cancels a statement, and little more after which a server that says nothing counts as gone. Unset:
   * neither, for migrations and tools.
   */
  statementSeconds?: number;
}

/**
 * What a queue works on is in memory: PostgreSQL's default cost of a page is that of a spinning disk, and makes it read whole tables of
 * some ten thousand rows where a batch wants a few hundred. A plan that is kept must not be the one for a table that was still empty. And
 * no statement here is worth the half second of compiling it.
 */
export const PLANNER = '-c random_page_cost=1.1 -c enable_seqscan=off -c jit=off';

/** A statement that was cancelled by the server in time must not look like silence. */
const SILENCE_MARGIN_MS = 1_000;

export function createDataSource(options: ConnectionOptions): DataSource {
  return new DataSource(createDataSourceOptions(options));
}

/** Options of every connection to the engine's database. The schema changes only through migrations. */
export function createDataSourceOptions(options: ConnectionOptions): DataSourceOptions {
  return {
    type: 'postgres',
    url: options.url,
    applicationName: options.applicationName,
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    entities: ENTITIES,
    migrations: [
      Initial1700000000000,
      IdempotencyKey1700000000050,
      CostOfManyJobs1700000000100,
      HotPath1700000000200,
      Commands1700000000300,
      Projects1700000000400,
      Graphs1700000000500,
    ],
    migrationsTransactionMode: 'all',
    synchronize: false,
    extra: {
      max: options.poolSize ?? 10,
      // A connection that hangs is an error of the caller's statement, not a wait without end.
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      // A transaction sends statements that do not need each other's answers in one go, see Database.
      pipeline: true,
      options: PLANNER,
      // An idle connection whose peer is gone is found before it is needed; the system's own default is two hours.
      keepAliveInitialDelayMillis: 10_000,
      // A process that freezes inside a transaction must not keep its locks (the lane's among them) for as long as it is frozen.
      idle_in_transaction_session_timeout: 10_000,
      ...limits(options.statementSeconds),
    },
  };
}

function limits(statementSeconds: number | undefined): object {
  if (statementSeconds === undefined) return {};
  const milliseconds = statementSeconds * 1_000;
  return { statement_timeout: milliseconds, Client: watched(milliseconds + SILENCE_MARGIN_MS) };
}
