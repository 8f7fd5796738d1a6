import { DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { NotificationServer, RedisReadiness, SubscriberReadiness } from '@task-engine/messaging';
import { configurationOrExit, runApp, schedulerSchema } from '@task-engine/platform';
import { SchedulerModule } from './scheduler.module';

const configuration = configurationOrExit(schedulerSchema, process.env);

void runApp({
  name: 'scheduler',
  module: SchedulerModule.forRoot(configuration),
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
