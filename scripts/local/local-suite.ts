import { join } from 'node:path';
import { migrate } from '@task-engine/database';
import { APPS, AppProcess, type App } from './app-process';
import { DataFolder } from './data-folder';
import { LocalError } from './local-error';
import { LocalServers, type LocalServersOptions } from './local-servers';
import { packageRoot } from './package-root';
import { isPortFree } from './ports';
import { silent } from './progress';

export interface LocalSuiteOptions extends LocalServersOptions {
  /** Of the gateway's first replica; 0 takes a free one. */
  port: number;
  /** [127.0.0.1] */
  host?: string;
  /** Processes per app [1]. */
  replicas?: number | Partial<Record<App, number>>;
  /** Which apps run [all]. */
  apps?: readonly App[];
  /** Variables for the apps; they win over `env`, which is passed through. */
  appEnv?: Record<string, string>;
  /** Milliseconds until every app must be ready [60000]. */
  startTimeout?: number;
  /** Compiled code [the checkout's dist]. */
  dist?: string;
  /** Skips the migrations: the database has them. */
  migrated?: boolean;
}

/** The whole suite on this machine: servers, migrations and the apps as child processes, all supervised. */
export class LocalSuite {
  private readonly processes: AppProcess[] = [];
  private stopping?: Promise<void>;

  private constructor(
    readonly servers: LocalServers,
    private readonly options: LocalSuiteOptions,
  ) {}

  /**
   * Brings everything up; every app's /readyz says yes when it returns.
   * @throws LocalError with the reason; nothing is left running then.
   */
  static async start(options: LocalSuiteOptions): Promise<LocalSuite> {
    DataFolder.refuseIfHeld(options.dataDir);
    await refuseTakenPort(options);
    const suite = new LocalSuite(await LocalServers.start(options), options);
    try {
      await suite.migrate();
      await suite.startApps();
      if (suite.has('api-gateway')) suite.servers.folder.announce({ url: suite.url('api-gateway') });
      return suite;
    } catch (error) {
      await suite.stop();
      throw error;
    }
  }

  get databaseUrl(): string {
    return this.servers.databaseUrl;
  }

  get redisUrl(): string {
    return this.servers.redisUrl;
  }

  /** Every app process with its name, number, URL and log. */
  get members(): readonly AppProcess[] {
    return this.processes;
  }

  /** Where a replica [1] serves: the gateway its APIs, the others /livez, /readyz and /metrics. */
  url(app: App, replica = 1): string {
    return this.member(app, replica).url;
  }

  /** Process number of a replica [1]; undefined while it is down. */
  pid(app: App, replica = 1): number | undefined {
    return this.member(app, replica).pid;
  }

  logFile(app: App, replica = 1): string {
    return this.member(app, replica).spec.logFile;
  }

  /** Sends a signal [SIGKILL], waits for the end; the process comes back by itself (500 ms and more). */
  kill(app: App, replica = 1, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    return this.member(app, replica).kill(signal);
  }

  /** Ends a process, by SIGTERM unless told otherwise, and leaves it down until `bringUp`. */
  takeDown(app: App, replica = 1, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return this.member(app, replica).stop(signal);
  }

  /** Starts a process that was taken down and waits until it is ready. */
  bringUp(app: App, replica = 1): Promise<void> {
    return this.member(app, replica).start(this.options.startTimeout);
  }

  /** SIGTERM, the process's own orderly end, then a new one that is ready. */
  async restart(app: App, replica = 1): Promise<void> {
    await this.takeDown(app, replica);
    await this.bringUp(app, replica);
  }

  /** Waits until every app that is meant to run says it is ready. */
  async ready(timeout = 60_000): Promise<void> {
    await Promise.all(this.processes.filter(({ isWanted }) => isWanted).map((process) => process.ready(timeout)));
  }

  /** Apps first (they hand back their work), then Redis, then PostgreSQL. Safe to call twice. */
  stop(): Promise<void> {
    return (this.stopping ??= this.stopAll());
  }

  private async stopAll(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    await this.servers.stop();
  }

  private has(app: App): boolean {
    return this.processes.some((process) => process.app === app);
  }

  /** Where commands that run on this machine find the API. */
  private apiUrl(): Record<string, string> {
    return this.has('api-gateway') ? { DTS_API_URL: `${this.url('api-gateway')}/api` } : {};
  }

  private member(app: App, replica: number): AppProcess {
    const found = this.processes.find((process) => process.app === app && process.replica === replica);
    if (!found) throw new LocalError(`This suite has no ${app} number ${replica}.`);
    return found;
  }

  private async migrate(): Promise<void> {
    if (this.options.migrated) return;
    const step = (this.options.progress ?? silent).step('migrations');
    await migrate(this.databaseUrl);
    step.done();
  }

  private async startApps(): Promise<void> {
    const { apps = APPS, replicas = 1, host = '127.0.0.1', port, env, appEnv, progress = silent } = this.options;
    const { folder, watchdog } = this.servers;
    const root = packageRoot();
    const set = { ...LOCAL_DEFAULTS, ...withoutBlanks(env), ...appEnv };
    for (const app of APPS.filter((name) => apps.includes(name))) {
      const count = typeof replicas === 'number' ? replicas : (replicas[app] ?? 1);
      for (let replica = 1; replica <= count; replica++) {
        const options = {
          app,
          replica,
          host,
          port: app === 'api-gateway' && replica === 1 && port !== 0 ? port : undefined,
          dist: this.options.dist ?? join(root, 'dist'),
          root,
          logFile: folder.at('logs', `${app}${replica === 1 ? '' : `-${replica}`}.log`),
          watchdog,
          env: {
            ...set,
            ...(app === 'api-gateway' && !JWT_KEYS.some((name) => name in set) && { JWT_SECRET: folder.jwtSecret() }),
            ...(app === 'task-worker' && !('DTS_API_URL' in set) && this.apiUrl()),
            ...(replica === 1 ? {} : NO_FIXED_PORTS),
            DATABASE_URL: this.databaseUrl,
            REDIS_URL: this.redisUrl,
            DATA_DIR: folder.path,
          },
        };
        this.processes.push(await AppProcess.create(options));
      }
    }
    await Promise.all(
      this.processes.map(async (process) => {
        const step = progress.step(process.spec.name);
        await process.start(this.options.startTimeout);
        step.done(process.url);
      }),
    );
  }
}

/** What `npm start` sets where the apps themselves have no default. */
export const LOCAL_DEFAULTS = {
  BOOTSTRAP_CLIENTS: 'demo-client:demo-key',
  OUTBOUND_ALLOW: '127.0.0.1/32,::1/128',
};

/** Either says how bearer tokens are signed; with neither the data folder has a secret for them. */
const JWT_KEYS = ['JWT_SECRET', 'JWT_PUBLIC_KEY'];

/** Only one process can listen there. */
const NO_FIXED_PORTS = { FASTLANE_PORT: '', TASK_TRACKER_PORT: '' };

/** An empty variable counts as unset. */
function withoutBlanks(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
}

/** Tells apart the two usual reasons before anything is started. */
async function refuseTakenPort({ port, host = '127.0.0.1', apps = APPS }: LocalSuiteOptions): Promise<void> {
  if (port === 0 || !apps.includes('api-gateway') || (await isPortFree(port, host))) return;
  const answer = await fetch(`http://127.0.0.1:${port}/livez`, { signal: AbortSignal.timeout(1000) }).catch(
    () => undefined,
  );
  const who = answer?.ok ? 'another Task Engine seems to run there' : 'another program listens there';
  throw new LocalError(
    `Port ${port} on ${host} cannot be used: ${who}. Stop it, or set PORT (and DATA_DIR) for this one.`,
  );
}
