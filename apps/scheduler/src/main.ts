import { engineReadiness } from '@task-engine/engine';
import { NotificationServer } from '@task-engine/messaging';
import { configurationOrExit, runApp, schedulerSchema } from '@task-engine/platform';
import { SchedulerModule } from './scheduler.module';

const configuration = configurationOrExit(schedulerSchema, process.env);

void runApp({
  name: 'scheduler',
  module: SchedulerModule.forRoot(configuration),
  configuration,
  port: configuration.OPS_PORT,
  host: configuration.HOST,
  readiness: engineReadiness,
  strategy: (app) => app.get(NotificationServer),
});
