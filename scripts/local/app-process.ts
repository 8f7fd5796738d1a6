import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LocalError } from './local-error';
import { freePort, isPortFree } from './ports';
import { SupervisedProcess } from './supervised-process';
import type { Watchdog } from './watchdog';

/** The suite's apps in the order they are shown. */
export const APPS = ['api-gateway', 'job-controller', 'task-worker', 'callback-dispatcher', 'scheduler'] as const;

export type App = (typeof APPS)[number];

/**
 * How Node runs an app, here as in docker/Dockerfile. Young space for what a batch of some hundred rows needs: left to itself Node takes
 * twice as much and keeps it, in each of the apps. No source maps: they would take another 15 MB each, for line numbers of errors
 * alone (`NODE_OPTIONS=--enable-source-maps` brings them back).
 */
export const NODE_FLAGS = ['--max-semi-space-size=8'];

export interface AppOptions {
  app: App;
  /** From 1. */
  replica: number;
  host: string;
  /** Undefined: a free one. */
  port?: number;
  /** Folder of dist/, whose apps/<app>/src/main.js is run. */
  dist: string;
  /** Working folder of the app. */
  root: string;
  logFile: string;
  env: NodeJS.ProcessEnv;
  watchdog: Watchdog;
}

/** One replica of an app as a child process, supervised. */
export class AppProcess extends SupervisedProcess {
  private constructor(
    private readonly options: AppOptions,
    private port: number,
  ) {
    const { app, replica, dist, root, logFile, env, watchdog } = options;
    const main = join(dist, 'apps', app, 'src', 'main.js');
    if (!existsSync(main)) throw new LocalError(`${main} is missing; run the build.`);
    super(
      {
        name: replica === 1 ? app : `${app} ${replica}`,
        logFile,
        launch: async () => {
          // Only the gateway's first replica has a port that somebody else knows.
          if (options.port === undefined && !(await isPortFree(this.port, options.host)))
            this.port = await freePort(options.host);
          const ports = app === 'api-gateway' ? { PORT: String(this.port) } : { OPS_PORT: String(this.port) };
          return {
            file: process.execPath,
            args: [...NODE_FLAGS, main],
            cwd: root,
            env: { ...env, HOST: options.host, ...ports },
          };
        },
        isReady: async () => (await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2000) })).ok,
        stopSignal: 'SIGTERM',
        // What the app itself allows for its shutdown, and a little more.
        stopGrace: (Number(env.SHUTDOWN_SECONDS) || 30) * 1000 + 5000,
        restartDelay: (ends) => Math.min(500 * 2 ** (ends - 1), 5000),
        startAttempts: 3,
      },
      watchdog,
    );
  }

  static async create(options: AppOptions): Promise<AppProcess> {
    return new AppProcess(options, options.port ?? (await freePort(options.host)));
  }

  get app(): App {
    return this.options.app;
  }

  get replica(): number {
    return this.options.replica;
  }

  /** Where it serves: the APIs (gateway), or only /livez, /readyz and /metrics (the others). */
  get url(): string {
    const { host } = this.options;
    const reachable =
      host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
    return `http://${reachable}:${this.port}`;
  }
}
