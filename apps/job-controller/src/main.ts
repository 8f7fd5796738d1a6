import { engineReadiness } from '@task-engine/engine';
import { NotificationServer } from '@task-engine/messaging';
import { configurationOrExit, controllerSchema, runApp } from '@task-engine/platform';
import { ControllerModule } from './controller.module';

const configuration = configurationOrExit(controllerSchema, process.env);

void runApp({
  name: 'job-controller',
  module: ControllerModule.forRoot(configuration),
  configuration,
  port: configuration.OPS_PORT,
  host: configuration.HOST,
  readiness: engineReadiness,
  strategy: (app) => app.get(NotificationServer),
});
