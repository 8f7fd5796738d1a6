import { DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { NotificationServer, RedisReadiness, SubscriberReadiness } from '@task-engine/messaging';
import { configurationOrExit, runApp, workerSchema } from '@task-engine/platform';
import { WorkerModule } from './worker.module';

const configuration = configurationOrExit(workerSchema, process.env);

void runApp({
  name: 'task-worker',
  module: WorkerModule.forRoot(configuration),
  configuration,
  port: configuration.OPS_PORT,
  host: configuration.HOST,
  readiness: (app) => [
    app.get(DatabaseReadiness),
    app.get(MigrationsReadiness),
    app.get(RedisReadiness),
    app.get(SubscriberReadiness),
  ],
  strategy: (app) => app.get(NotificationServer),
});
