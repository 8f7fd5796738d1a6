import 'reflect-metadata';
import { DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { NotificationServer, RedisReadiness } from '@task-engine/messaging';
import { configurationOrExit, gatewaySchema, runApp } from '@task-engine/platform';
import { fastlaneAddresses } from './dialects/fastlane/addresses/addressed';
import { taskSchedulerAddresses } from './dialects/task-scheduler/addresses/addressed';
import { taskTrackerAddresses } from './dialects/task-tracker/addresses/addressed';
import { GatewayModule } from './gateway.module';
import { serverOptions } from './http/server-options';
import { prepareGateway } from './prepare-gateway';

const configuration = configurationOrExit(gatewaySchema, process.env);

void runApp({
  name: 'api-gateway',
  module: GatewayModule.forRoot(configuration),
  configuration,
  port: configuration.PORT,
  host: configuration.HOST,
  fastify: serverOptions(configuration, [
    fastlaneAddresses({ debug: configuration.FASTLANE_DEBUG }),
    taskTrackerAddresses,
    taskSchedulerAddresses,
  ]),
  // not part of readiness: whoever follows a log is served by a poll as well
  strategy: (app) => app.get(NotificationServer),
  readiness: (app) => [app.get(DatabaseReadiness), app.get(MigrationsReadiness), app.get(RedisReadiness)],
  prepare: (app) => prepareGateway(app, configuration),
});
