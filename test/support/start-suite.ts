import { readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { App } from '../../scripts/local/app-process';
import { LocalSuite, type LocalSuiteOptions } from '../../scripts/local/local-suite';
import { createTestDatabase, redisPrefix, redisUrl } from './test-database';
import { temporaryFolder, testEnvironment } from './test-servers';

export interface TestSuiteOptions {
  /** Processes per app [1]. */
  replicas?: LocalSuiteOptions['replicas'];
  /** Which apps run [all five]. */
  apps?: readonly App[];
  /** Variables for the apps. */
  env?: Record<string, string>;
  /** A PostgreSQL or Redis of the suite's own, to be killed or emptied through `suite.servers` [shared]. */
  own?: { postgres?: boolean; redis?: boolean };
  /** Servers that the caller has started, with an empty database that is migrated here; the addresses may be those of a proxy. */
  servers?: { databaseUrl: string; redisUrl: string };
}

export interface TestSuite {
  suite: LocalSuite;
  /** Base URL of the first gateway. */
  url: string;
  /** For looking into the database directly. */
  databaseUrl: string;
  /** DATA_DIR of the apps. */
  dataDir: string;
  /** What an app has written so far. */
  log(app: App, replica?: number): string;
  /** Stops the suite, drops its database, removes its folder. */
  stop(): Promise<void>;
}

/** The real processes, compiled, on a database cloned for them and a Redis prefix of their own. */
export async function startSuite({
  replicas,
  apps,
  env = {},
  own = {},
  servers,
}: TestSuiteOptions = {}): Promise<TestSuite> {
  const dataDir = temporaryFolder('suite');
  const database = own.postgres || servers ? undefined : await createTestDatabase();
  const cleanUp = async () => {
    await database?.drop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const suite = await LocalSuite.start({
      dataDir,
      port: 0,
      replicas,
      apps,
      env: {
        ...testEnvironment(),
        ...(database ? { DATABASE_URL: database.url } : {}),
        ...(own.redis || servers ? {} : { REDIS_URL: await redisUrl() }),
        ...(servers ? { DATABASE_URL: servers.databaseUrl, REDIS_URL: servers.redisUrl } : {}),
      },
      appEnv: { REDIS_PREFIX: redisPrefix(), ...env },
      migrated: database !== undefined,
      dist: resolve(__dirname, '../../dist'),
    });
    const gateway = suite.members.find(({ app }) => app === 'api-gateway');
    return {
      suite,
      url: gateway?.url ?? '',
      databaseUrl: suite.databaseUrl,
      dataDir,
      log: (app, replica) => readFileSync(suite.logFile(app, replica), 'utf8'),
      stop: async () => {
        await suite.stop();
        await cleanUp();
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}
