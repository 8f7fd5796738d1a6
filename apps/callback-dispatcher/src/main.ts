import { engineReadiness } from '@task-engine/engine';
import { NotificationServer } from '@task-engine/messaging';
import { configurationOrExit, dispatcherSchema, runApp } from '@task-engine/platform';
import { DispatcherModule } from './dispatcher.module';

const configuration = configurationOrExit(dispatcherSchema, process.env);

void runApp({
  name: 'callback-dispatcher',
  module: DispatcherModule.forRoot(configuration),
  configuration,
  port: configuration.OPS_PORT,
  host: configuration.HOST,
  readiness: engineReadiness,
  strategy: (app) => app.get(NotificationServer),
});
