import { createDataSource, Database } from '@task-engine/database';
import type { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';

describe('the id of an installation', () => {
  let databases: TestDatabase[];
  let sources: DataSource[];

  beforeAll(async () => {
    databases = await Promise.all([createTestDatabase(), createTestDatabase()]);
    sources = await Promise.all(databases.map(({ url }) => createDataSource({ url }).initialize()));
  });

  afterAll(async () => {
    await Promise.all(sources.map((source) => source.destroy()));
    await Promise.all(databases.map((database) => database.drop()));
  });

  it('is the same for all of its processes, and another for a database with the same content', async () => {
    const [first, again, other] = await Promise.all(
      [sources[0]!, sources[0]!, sources[1]!].map((source) =>
        new Database(source).stores.containerHosts.installation(),
      ),
    );
    // a Kubernetes label takes it as it is
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('needs no rights beyond those to connect', async () => {
    const [row] = await sources[0]!.query<{ allowed: boolean }[]>(
      `SELECT bool_and(EXISTS (SELECT FROM aclexplode(COALESCE(proacl, acldefault('f', proowner))) WHERE grantee = 0)) AS allowed
       FROM pg_proc WHERE proname = 'pg_control_system'`,
    );
    expect(row!.allowed).toBe(true);
  });
});
