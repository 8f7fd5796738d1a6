import { Client } from 'pg';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { FastlaneClient } from './fastlane-client';

describe('a cron rule that cannot be fired', () => {
  let suite: TestSuite;
  let api: FastlaneClient;
  let database: Client;

  beforeAll(async () => {
    suite = await startSuite({ env: { FASTLANE_EXECUTOR: 'host' } });
    api = new FastlaneClient(suite.url);
    database = new Client({ connectionString: suite.databaseUrl });
    await database.connect();
  });

  afterAll(async () => {
    await database?.end();
    await suite?.stop();
  });

  const count = async (sql: string) => Number((await database.query<{ n: string }>(sql)).rows[0]!.n);
  const tries = () => (suite.log('scheduler').match(/could not be fired/g) ?? []).length;

  it('is tried again now and then, and the others fire in time', async () => {
    const [bad, good] = [
      await api.enqueue('bad', { cron: '0 0 1 1 *' }),
      await api.enqueue('good', { cron: '* * * * * *' }),
    ];
    await database.query(
      `UPDATE command SET next_at = now(), request = jsonb_set(request, '{cron}', '"never"') WHERE uuid = $1`,
      [bad.jobId],
    );
    await eventually(() => expect(tries()).toBe(1), { timeout: 10_000 });
    await eventually(() => expect(tries()).toBe(2), { timeout: 10_000 });
    await eventually(async () => expect((await api.job(good)).executionCount).toBeGreaterThan(3), { timeout: 10_000 });
    expect(
      await count(`SELECT max(EXTRACT(EPOCH FROM created_at - due_at)) AS n FROM run WHERE cause = 'cron'`),
    ).toBeLessThan(0.5);
    expect((await api.job(bad)).executionCount).toBe(0);
    // after one second, two, four
    expect(tries()).toBeLessThan(5);
  }, 30_000);
});
