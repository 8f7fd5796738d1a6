import { Client } from 'pg';
import { pong } from '../../scripts/local/redis-server';
import { CallbackListener } from './callback-listener';
import { eventually } from './eventually';
import { fetchJson } from './fetch-json';
import { createTestDatabase, redisPrefix, redisUrl } from './test-database';

async function tableCount(url: string, sql?: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    if (sql) await client.query(sql);
    const { rows } = await client.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM information_schema.tables WHERE table_schema = 'public'",
    );
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}

describe('test support', () => {
  it('gives every test file a migrated database that another does not see', async () => {
    const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    const migrated = await tableCount(one.url);
    expect(migrated).toBeGreaterThan(5);
    expect(await tableCount(one.url, 'CREATE TABLE only_here (id int)')).toBe(migrated + 1);
    expect(await tableCount(two.url)).toBe(migrated);
    await Promise.all([one.drop(), two.drop()]);
    await expect(tableCount(one.url)).rejects.toThrow('does not exist');
  });

  it('gives every test file a logical Redis database and a prefix of its own', async () => {
    const urls = [await redisUrl(), await redisUrl()];
    expect(new Set(urls).size).toBe(2);
    expect(await Promise.all(urls.map(pong))).toEqual([true, true]);
    expect(redisPrefix()).not.toBe(redisPrefix());
  });

  it('records callbacks and answers them as told', async () => {
    const listener = await CallbackListener.start({ status: 204 });
    listener.answer('/flaky', { status: 503, headers: { 'retry-after': '1' } }, { body: { ok: true } });
    const first = await fetchJson(listener.url('/flaky?try=1'), { body: { event: 'start' } });
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await fetchJson(listener.url('/flaky'))).body).toEqual({ ok: true });
    expect((await fetchJson(listener.url('/other'))).status).toBe(204);
    expect(listener.to('/flaky')).toMatchObject([
      { method: 'POST', json: { event: 'start' } },
      { method: 'GET', body: '' },
    ]);

    listener.answer('/hanging', { hang: true });
    await expect(fetchJson(listener.url('/hanging'), { timeout: 100 })).rejects.toThrow();
    await listener.received(1, ({ path }) => path === '/hanging');
    await listener.close();
  });

  it('says what was wrong last when a condition does not come true in time', async () => {
    const attempt = eventually(() => Promise.reject(new Error('still 3 of 5')), { timeout: 60, interval: 10 });
    await expect(attempt).rejects.toThrow('not within 60 ms: still 3 of 5');
    let count = 0;
    expect(await eventually(() => ++count > 2 && count)).toBe(3);
  });
});
