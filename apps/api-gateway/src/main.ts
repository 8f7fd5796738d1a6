import 'reflect-metadata';
import { DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { RedisReadiness } from '@task-engine/messaging';
import { configurationOrExit, gatewaySchema, runApp } from '@task-engine/platform';
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
  fastify: serverOptions(configuration),
  readiness: (app) => [app.get(DatabaseReadiness), app.get(MigrationsReadiness), app.get(RedisReadiness)],
  prepare: (app) => prepareGateway(app, configuration),
});
