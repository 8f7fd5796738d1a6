import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalServers } from '../../scripts/local/local-servers';

/** How the workers of a jest run learn of its servers: jest hands the variables of the global setup to every worker. */
const VARIABLE = 'TASK_ENGINE_TEST_SERVERS';

/** The servers that all test files of a jest run share. */
export interface TestServers {
  /** Superuser's URL of the database `postgres`. */
  adminUrl: string;
  /** A migrated database without connections, to be cloned. */
  template: string;
  /** Without the number of a logical database. */
  redisUrl: string;
}

export const TEMPLATE = 'task_engine_template';

/** Logical databases of the shared Redis: each test file takes one of its own. */
export const REDIS_DATABASES = 4096;

/** For tests nothing has to outlive the machine; what survives SIGKILL of a process survives without fsync too. */
const POSTGRES_SETTINGS = { fsync: 'off', full_page_writes: 'off', max_wal_size: '4GB', checkpoint_timeout: '1h' };

/** Variables that the servers and apps of a test get: none of the developer's own settings. */
export function testEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, XDG_CACHE_HOME, TMPDIR } = process.env;
  return { PATH, HOME, XDG_CACHE_HOME, TMPDIR };
}

/** An empty folder below the system's temporary one that PostgreSQL's user may enter. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `task-engine-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/**
 * Servers of their own for a test that kills, empties or restarts them. `stop` removes their data too.
 * @param settings of PostgreSQL, beside those that all tests have
 */
export async function startOwnServers(
  env: NodeJS.ProcessEnv = {},
  settings: Record<string, string> = {},
): Promise<LocalServers> {
  const dataDir = temporaryFolder('own');
  const servers = await LocalServers.start({
    dataDir,
    env: { ...testEnvironment(), ...env },
    postgresSettings: { ...POSTGRES_SETTINGS, ...settings },
    redisDatabases: REDIS_DATABASES,
  });
  const stop = servers.stop.bind(servers);
  servers.stop = async () => {
    await stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return servers;
}

export function announceServers(servers: TestServers): void {
  process.env[VARIABLE] = JSON.stringify(servers);
}

/** @throws Error in a project without the global setup (jest.config.js). */
export function testServers(): TestServers {
  const text = process.env[VARIABLE];
  if (!text)
    throw new Error('There are no servers here: only the projects of jest.config.js with a global setup have them.');
  return JSON.parse(text) as TestServers;
}
