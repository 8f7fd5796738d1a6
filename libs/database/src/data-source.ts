import { DataSource, type DataSourceOptions } from 'typeorm';
import { ClientEntity } from './entities/client.entity';
import { ClientKeyEntity } from './entities/client-key.entity';
import { CounterEntity } from './entities/counter.entity';
import { DefinitionEntity } from './entities/definition.entity';
import { DeliveryEntity } from './entities/delivery.entity';
import { DeliveryAttemptEntity } from './entities/delivery-attempt.entity';
import { ExecutionEntity } from './entities/execution.entity';
import { JobEntity } from './entities/job.entity';
import { JobLogEntity } from './entities/job-log.entity';
import { JobTransitionEntity } from './entities/job-transition.entity';
import { LaneEntity } from './entities/lane.entity';
import { ScheduleEntity } from './entities/schedule.entity';
import { ScheduleTickEntity } from './entities/schedule-tick.entity';
import { SettingEntity } from './entities/setting.entity';
import { TaskEntity } from './entities/task.entity';
import { WorkerEntity } from './entities/worker.entity';
import { WorkerQueueEntity } from './entities/worker-queue.entity';
import { Initial1700000000000 } from './migrations/1700000000000-initial';

export const ENTITIES = [
  ClientEntity,
  ClientKeyEntity,
  CounterEntity,
  DefinitionEntity,
  DeliveryEntity,
  DeliveryAttemptEntity,
  ExecutionEntity,
  JobEntity,
  JobLogEntity,
  JobTransitionEntity,
  LaneEntity,
  ScheduleEntity,
  ScheduleTickEntity,
  SettingEntity,
  TaskEntity,
  WorkerEntity,
  WorkerQueueEntity,
];

export interface ConnectionOptions {
  url: string;
  /** Connections of the pool, default 10. */
  poolSize?: number;
  /** Shown in pg_stat_activity. */
  applicationName?: string;
}

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
    migrations: [Initial1700000000000],
    migrationsTransactionMode: 'all',
    synchronize: false,
    extra: {
      max: options.poolSize ?? 10,
      // A connection that hangs is an error of the caller's statement, not a wait without end.
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      // A process that freezes inside a transaction must not keep its locks (the lane's among them) for as long as it is frozen.
      idle_in_transaction_session_timeout: 10_000,
    },
  };
}
