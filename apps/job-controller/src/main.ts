import { DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { NotificationServer, RedisReadiness, SubscriberReadiness } from '@task-engine/messaging';
import { configurationOrExit, controllerSchema, runApp } from '@task-engine/platform';
import { ControllerModule } from './controller.module';

const configuration = configurationOrExit(controllerSchema, process.env);

void runApp({
  name: 'job-controller',
  module: ControllerModule.forRoot(configuration),
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
