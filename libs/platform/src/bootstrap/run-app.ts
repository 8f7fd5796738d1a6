import type { AddressInfo } from 'node:net';

import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

import type { OpsConfiguration } from '../configuration/variables';
import { createLog, Log } from '../logging/log';
import { NestLogger } from '../logging/nest-logger';
import { measureHttp } from '../metrics/http-metrics';
import { Metrics } from '../metrics/metrics';
import { serveOperations } from './operations';
import { PlatformModule } from './platform.module';
import { Readiness, type ReadinessIndicator } from './readiness';
import { DRAIN_SHARE, Shutdown } from './shutdown';

export type AppName = 'api-gateway' | 'job-controller' | 'task-worker' | 'callback-dispatcher' | 'scheduler';

export interface AppOptions {
  name: AppName;
  module: Type | DynamicModule;
  configuration: OpsConfiguration;
  /** 0 takes a free one. */
  port: number;
  host: string;
  /** Server of the notifications; connected before the app listens. */
  strategy?: (app: NestFastifyApplication) => CustomTransportStrategy;
  readiness?: (app: NestFastifyApplication) => readonly ReadinessIndicator[];
  /** Runs before the app listens: global filters and pipes, body parsers, documentation pages. */
  prepare?: (app: NestFastifyApplication) => void | Promise<void>;
  /** Options of the Fastify server. */
  fastify?: ConstructorParameters<typeof FastifyAdapter>[0];
  /** Runs with the functions that stop intake. */
  beforeShutdown?: () => void | Promise<void>;
}

export interface RunningApp {
  app: NestFastifyApplication;
  host: string;
  /** The port in use, also when 0 was asked for. */
  port: number;
  /** `http://host:port`, without a slash at the end. */
  url: string;
  /** The whole shutdown, without ending the process; a second call gets the promise of the first. */
  stop(): Promise<void>;
}

/** A whole request, body included, must have arrived within this time. */
const REQUEST_MS = 60_000;

@Module({})
class RootModule {}

/** Starts an app and returns once it listens. Leaves signals and the process alone: for tests and for `runApp`. */
export async function startApp(
  options: AppOptions,
  log = createLog({ name: options.name, level: options.configuration.LOG_LEVEL }),
): Promise<RunningApp> {
  const adapter = new FastifyAdapter({
    // requests that reach a closing server over a kept connection are still answered
    return503OnClosing: false,
    // Fastify's own default is no limit at all for a request that trickles in
    requestTimeout: REQUEST_MS,
    ...(options.fastify as object),
  });
  const root: DynamicModule = {
    module: RootModule,
    imports: [PlatformModule.forApp(options.name, options.configuration, log), options.module],
  };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new NestLogger(log),
    abortOnError: false,
  });
  try {
    return await listen(app, options, log);
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function listen(app: NestFastifyApplication, options: AppOptions, log: Log): Promise<RunningApp> {
  const fastify = app.getHttpAdapter().getInstance();
  const shutdown = app.get(Shutdown);
  const readiness = app.get(Readiness);
  const metrics = app.get(Metrics);
  measureHttp(fastify, metrics);
  serveOperations(fastify, { readiness, metrics, shutdown });
  await options.prepare?.(app);
  for (const indicator of options.readiness?.(app) ?? []) readiness.register(indicator);
  if (options.beforeShutdown) shutdown.onStopIntake('app', options.beforeShutdown);
  if (options.strategy) {
    app.connectMicroservice({ strategy: options.strategy(app) }, { inheritAppConfig: false });
    await app.startAllMicroservices();
  }
  await app.listen(options.port, options.host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  log.info({ url }, 'listening');

  const { SHUTDOWN_SECONDS, DRAIN_DELAY_SECONDS } = options.configuration;
  let stopping: Promise<void> | undefined;
  const drainSeconds = Math.max(0, SHUTDOWN_SECONDS - DRAIN_DELAY_SECONDS) * DRAIN_SHARE;
  const stop = async () => {
    await shutdown.begin({ delaySeconds: DRAIN_DELAY_SECONDS, drainSeconds }, () => fastify.close());
    await app.close();
  };
  return { app, host: options.host, port, url, stop: () => (stopping ??= stop()) };
}

/**
 * Runs an app as the process: SIGTERM and SIGINT end it in order with exit code 0, at the latest after SHUTDOWN_SECONDS with 1.
 * A fault at start, an unhandled rejection or an uncaught exception is logged and ends it with 1: whoever supervises it starts it
 * again, and leases give its work to others.
 */
export async function runApp(options: AppOptions): Promise<void> {
  const log = createLog({ name: options.name, level: options.configuration.LOG_LEVEL });
  const die = (err: unknown, message: string) => {
    log.fatal({ err }, message);
    process.exit(1);
  };
  process.on('unhandledRejection', (reason) => die(reason, 'unhandled rejection'));
  process.on('uncaughtException', (error) => die(error, 'uncaught exception'));

  let running: RunningApp | undefined;
  let asked = false;
  const end = (signal: NodeJS.Signals) => {
    // a terminal sends SIGINT to the whole group and a supervisor SIGTERM on top: one shutdown answers both
    if (asked) return;
    asked = true;
    log.info({ signal }, 'shutting down');
    if (!running) process.exit(0);
    const seconds = options.configuration.SHUTDOWN_SECONDS;
    setTimeout(() => die(new Error(`not done after ${seconds} s`), 'shutdown took too long'), seconds * 1000);
    running.stop().then(
      () => {
        log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => die(error, 'shutdown failed'),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);

  try {
    running = await startApp(options, log);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      log.fatal(
        { host: options.host, port: options.port },
        `${options.host}:${options.port} is in use by another process`,
      );
      process.exit(1);
    }
    die(error, 'could not start');
  }
}
