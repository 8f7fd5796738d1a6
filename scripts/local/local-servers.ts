import { homedir } from 'node:os';
import { join } from 'node:path';
import { DataFolder } from './data-folder';
import { eventually } from './eventually';
import { LocalError } from './local-error';
import { answers, PostgresServer } from './postgres-server';
import { silent, type Progress } from './progress';
import { pong, RedisServer } from './redis-server';
import { Watchdog } from './watchdog';

export interface LocalServersOptions {
  /** Folder for data, logs and settings. */
  dataDir: string;
  /** DATABASE_URL and REDIS_URL are used instead of own servers; PATH, XDG_CACHE_HOME. */
  env: NodeJS.ProcessEnv;
  progress?: Progress;
  /** Further settings of PostgreSQL, `name: value`. */
  postgresSettings?: Record<string, string>;
  /** Logical databases of Redis [16]. */
  redisDatabases?: number;
  /** Leaves out the system's PostgreSQL. */
  embeddedPostgres?: boolean;
  /** Milliseconds that an external server gets to answer [10000]: it may be starting at the same time. */
  externalTimeout?: number;
  /** Brings up PostgreSQL alone (the CLI needs no Redis). */
  withoutRedis?: boolean;
}

/** PostgreSQL and Redis for one local run: external ones, or own ones with their data in a folder that this process holds. */
export class LocalServers {
  /** Own servers; undefined when an external one is used. */
  postgres?: PostgresServer;
  redis?: RedisServer;
  /** With the password: not for logs. */
  databaseUrl = '';
  redisUrl = '';

  private constructor(
    readonly folder: DataFolder,
    readonly watchdog: Watchdog,
  ) {}

  /**
   * Takes the data folder and brings up what DATABASE_URL and REDIS_URL do not name; everything answers when it returns.
   * @throws LocalError; nothing is left running then.
   */
  static async start(options: LocalServersOptions): Promise<LocalServers> {
    const servers = new LocalServers(DataFolder.take(options.dataDir), new Watchdog());
    try {
      const started = await Promise.allSettled([
        servers.startPostgres(options),
        options.withoutRedis ? undefined : servers.startRedis(options),
      ]);
      for (const one of started) if (one.status === 'rejected') throw one.reason;
      servers.folder.announce({ databaseUrl: servers.databaseUrl, redisUrl: servers.redisUrl });
      return servers;
    } catch (error) {
      await servers.stop();
      throw error;
    }
  }

  /** Stops the own servers, Redis first, and gives the folder free. */
  async stop(): Promise<void> {
    await this.redis?.process.stop();
    await this.postgres?.process.stop();
    this.watchdog.close();
    this.folder.release();
  }

  private async startPostgres({ env, progress = silent, ...options }: LocalServersOptions): Promise<void> {
    const step = progress.step('PostgreSQL');
    const url = env.DATABASE_URL;
    if (url) {
      await reach('DATABASE_URL', url, answers, options.externalTimeout);
      this.databaseUrl = url;
      step.done(`external, ${withoutPassword(url)}`);
      return;
    }
    const { postgresPort, postgresPassword } = await this.settings();
    this.postgres = await PostgresServer.start({
      folder: this.folder.at('postgres'),
      port: postgresPort,
      password: postgresPassword,
      logFile: this.folder.at('logs', 'postgres.log'),
      path: env.PATH ?? '',
      watchdog: this.watchdog,
      settings: options.postgresSettings,
      embeddedOnly: options.embeddedPostgres,
    });
    await this.postgres.createDatabase(DATABASE);
    this.databaseUrl = this.postgres.url(DATABASE);
    step.done(`${this.postgres.version} on 127.0.0.1:${postgresPort}`);
  }

  private async startRedis({
    env,
    progress = silent,
    redisDatabases,
    externalTimeout,
  }: LocalServersOptions): Promise<void> {
    const step = progress.step('Redis');
    const url = env.REDIS_URL;
    if (url) {
      await reach('REDIS_URL', url, pong, externalTimeout);
      this.redisUrl = url;
      step.done(`external, ${withoutPassword(url)}`);
      return;
    }
    const { redisPort, redisPassword } = await this.settings();
    this.redis = await RedisServer.start({
      folder: this.folder.at('redis'),
      port: redisPort,
      password: redisPassword,
      logFile: this.folder.at('logs', 'redis.log'),
      path: env.PATH ?? '',
      cache: join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'task-engine'),
      report: (message) => step.note(message),
      watchdog: this.watchdog,
      databases: redisDatabases,
    });
    this.redisUrl = this.redis.url;
    step.done(`${this.redis.version} on 127.0.0.1:${redisPort}`);
  }

  private settingsOnce?: ReturnType<DataFolder['serverSettings']>;

  private settings(): ReturnType<DataFolder['serverSettings']> {
    return (this.settingsOnce ??= this.folder.serverSettings());
  }
}

/** The engine's database in an own cluster. */
const DATABASE = 'task_engine';

async function reach(
  variable: string,
  url: string,
  probe: (url: string) => Promise<boolean>,
  timeout = 10_000,
): Promise<void> {
  if (!URL.canParse(url)) throw new LocalError(`${variable} is not a URL.`);
  try {
    await eventually(() => probe(url), { timeout, interval: 250 });
  } catch (error) {
    throw new LocalError(`${variable} (${withoutPassword(url)}) does not answer: ${(error as Error).message}`);
  }
}

function withoutPassword(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname === '/' ? '' : pathname}`;
}
