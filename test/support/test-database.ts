import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { testServers } from './test-servers';

export interface TestDatabase {
  url: string;
  /** Ends its connections and removes it. */
  drop(): Promise<void>;
}

/** A migrated database of the caller's own (about 65 ms). */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { adminUrl, template } = testServers();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(adminUrl);
  url.pathname = name;
  return {
    url: url.href,
    drop: () => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).then(() => undefined),
  };
}

async function administer(sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: testServers().adminUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/**
 * The shared Redis with a logical database that nobody else uses. Publish/subscribe and FLUSHALL do not keep to logical
 * databases: use a prefix of your own (`redisPrefix`) for channels, and `startOwnServers` for a test that empties or kills Redis.
 */
export async function redisUrl(): Promise<string> {
  const [row] = await administer("SELECT nextval('redis_database') AS number");
  return `${testServers().redisUrl}/${String(row?.number)}`;
}

/** A start for keys and channels that nobody else uses. */
export function redisPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}`;
}
