import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { Client } from 'pg';
import { migrate } from '@task-engine/database';
import type { LocalServers } from '../../scripts/local/local-servers';
import { announceServers, startOwnServers, TEMPLATE } from './test-servers';

/** Shared with the teardown, which is another module instance of the same process. */
export const holder = globalThis as { taskEngineTestServers?: LocalServers };

/** One PostgreSQL and one Redis for the whole run, a migrated template database, and dist/ up to date for the e2e tests. Started once, whichever projects run. */
export default async function globalSetup(): Promise<void> {
  if (holder.taskEngineTestServers) return;
  const built = spawnSync(process.execPath, [resolve(__dirname, '../../scripts/build.mjs')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  const servers = await startOwnServers();
  try {
    await prepare(servers);
  } catch (error) {
    await servers.stop();
    throw error;
  }
  holder.taskEngineTestServers = servers;
}

async function prepare({ postgres, redisUrl }: LocalServers): Promise<void> {
  if (!postgres) throw new Error('unreachable: own servers have no external PostgreSQL');
  await postgres.createDatabase(TEMPLATE);
  await migrate(postgres.url(TEMPLATE));
  const admin = new Client({ connectionString: postgres.url('postgres') });
  await admin.connect();
  // In PostgreSQL, not in Redis: a test's FLUSHALL must not hand a number out twice.
  await admin.query('CREATE SEQUENCE redis_database');
  await admin.end();
  announceServers({ adminUrl: postgres.url('postgres'), template: TEMPLATE, redisUrl });
}
