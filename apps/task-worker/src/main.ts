import { engineReadiness } from '@task-engine/engine';
import { NotificationServer } from '@task-engine/messaging';
import { configurationOrExit, runApp, workerSchema } from '@task-engine/platform';
import { WorkerModule } from './worker.module';

const configuration = configurationOrExit(workerSchema, process.env);

void runApp({
  name: 'task-worker',
  module: WorkerModule.forRoot(configuration),
  configuration,
  port: configuration.OPS_PORT,
  host: configuration.HOST,
  readiness: engineReadiness,
  strategy: (app) => app.get(NotificationServer),
});
