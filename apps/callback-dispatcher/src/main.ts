import { DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { NotificationServer, RedisReadiness, SubscriberReadiness } from '@task-engine/messaging';
import { configurationOrExit, dispatcherSchema, runApp } from '@task-engine/platform';
import { DispatcherModule } from './dispatcher.module';

const configuration = configurationOrExit(dispatcherSchema, process.env);

void runApp({
  name: 'callback-dispatcher',
  module: DispatcherModule.forRoot(configuration),
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
