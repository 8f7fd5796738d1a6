import { request as httpRequest } from 'node:http';
import { RetainJobs, SubmitOnce } from '@task-engine/engine';
import { eventually } from '../../support/eventually';
import type { JsonAnswer } from '../../support/fetch-json';
import { TestEngine } from '../../support/start-engine';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, query, type Shown, TaskEngineClient } from './task-engine-client';

const submission = (content: string, job: object = {}) => ({
  job: { workflow: 'noop', ...job },
  parameters: { content_id: content },
});

describe('Idempotency-Key on POST /job', () => {
  let suite: TestSuite;
  /** One client at two gateways. */
  let gateways: TaskEngineClient[];
  let api: TaskEngineClient;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], replicas: 2, env: { BOOTSTRAP_CLIENTS: BOOTSTRAP } });
    gateways = suite.suite.members.map(({ url }) => new TaskEngineClient(url));
    api = gateways[0]!;
  });

  afterAll(() => suite?.stop());

  const submit = (key: string, body: unknown, at = api): Promise<JsonAnswer<Shown>> =>
    at.call('POST', '/job', { body, headers: { 'idempotency-key': key } });

  const jobsWith = async (content: string): Promise<string[]> =>
    (
      await query<{ id: string }>(suite.databaseUrl, `SELECT id FROM job WHERE submitted->>'content_id' = $1`, [
        content,
      ])
    ).map(({ id }) => id);

  it('answers a repeat as the first was answered and makes one job; the order of fields and quotes do not matter', async () => {
    const first = await submit('repeat', submission('repeat', { priority: 3 }));
    expect(first).toMatchObject({ status: 200, body: { id: expect.stringMatching(/^\d+$/), result: 'accepted' } });
    const again = await submit('"repeat"', {
      parameters: { content_id: 'repeat' },
      job: { priority: 3, workflow: 'noop' },
    });
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(await jobsWith('repeat')).toEqual([first.body.id]);
    expect(
      await query(suite.databaseUrl, 'SELECT message FROM job_log WHERE job_id = $1', [first.body.id]),
    ).toHaveLength(1);
  });

  it('makes one job of 20 requests that race through two gateways, all told the same', async () => {
    for (let round = 0; round < 5; round += 1) {
      const key = `race-${round}`;
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => submit(key, submission(key), gateways[n % 2])),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(await jobsWith(key)).toEqual([...new Set(answers.map(({ body }) => String(body.id)))]);
    }
  });

  it('refuses the key with another body, with 422 and an id of its own, and makes no job', async () => {
    const { body } = await submit('conflict', submission('conflict-a'));
    const other = await submit('conflict', submission('conflict-b'));
    expect(other).toMatchObject({
      status: 422,
      body: { id: expect.any(String), error: 'This Idempotency-Key was used for another request' },
    });
    expect(other.body.id).not.toBe(body.id);
    expect(await jobsWith('conflict-b')).toEqual([]);
    expect((await submit('conflict', submission('conflict-a'))).body.id).toBe(body.id);
  });

  it('keeps the keys of clients apart', async () => {
    const mine = await submit('shared', submission('shared'));
    const theirs = await submit('shared', submission('shared'), new TaskEngineClient(suite.url, 'other-client'));
    expect(theirs.status).toBe(200);
    expect(theirs.body.id).not.toBe(mine.body.id);
    expect(await jobsWith('shared')).toHaveLength(2);
  });

  it('leaves a key unused when its submission is refused', async () => {
    expect((await submit('burnt', { job: { workflow: 'no_such_workflow' } })).status).toBe(400);
    expect((await submit('burnt', submission('burnt', { priority: 99 }))).status).toBe(400);
    const accepted = await submit('burnt', submission('burnt'));
    expect(accepted.status).toBe(200);
    expect(await jobsWith('burnt')).toEqual([accepted.body.id]);
  });

  it('answers a repeat with the same id when the job is gone already', async () => {
    const first = await submit('gone', submission('gone'));
    await query(suite.databaseUrl, `DELETE FROM job WHERE id = $1`, [first.body.id]);
    expect((await submit('gone', submission('gone'))).body.id).toBe(first.body.id);
    expect(await jobsWith('gone')).toEqual([]);
  });

  it.each([
    ['an empty one', ['']],
    ['256 characters', ['x'.repeat(256)]],
    ['a letter that is not ASCII', ['ü']],
    ['two of them', ['a', 'b']],
  ])('refuses %s with 400', async (_, keys) => {
    const answer = await raw(keys, submission('refused'));
    expect(answer).toMatchObject({
      status: 400,
      body: { id: expect.any(String), error: expect.stringMatching(/Idempotency-Key must be/) },
    });
    expect(await jobsWith('refused')).toEqual([]);
  });

  it('two jobs come of a request that is sent twice without a key', async () => {
    await api.post('/job', submission('without'));
    await api.post('/job', submission('without'));
    expect(await jobsWith('without')).toHaveLength(2);
  });

  it('finds the job of a gateway that was killed before it could answer its COMMIT', async () => {
    // A COMMIT that takes its time: PostgreSQL does not look at the client meanwhile, so it goes through without one.
    await query(
      suite.databaseUrl,
      `CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN NULL; END';
       CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON idempotency_key DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION slow_commit()`,
    );
    const lost = submit('killed', submission('killed')).then(
      () => 'answered',
      () => 'no answer',
    );
    await eventually(async () =>
      expect(
        await query(
          suite.databaseUrl,
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = 'PgSleep'`,
        ),
      ).toHaveLength(1),
    );
    await suite.suite.kill('api-gateway');
    expect(await lost).toBe('no answer');
    expect(await jobsWith('killed')).toEqual([]);
    // the other gateway, while the COMMIT is still under way
    const repeated = await submit('killed', submission('killed'), gateways[1]);
    expect(repeated.status).toBe(200);
    expect(await jobsWith('killed')).toEqual([repeated.body.id]);
    await suite.suite.ready();
    expect((await submit('killed', submission('killed'))).text).toBe(repeated.text);
    expect(await jobsWith('killed')).toHaveLength(1);
    await query(suite.databaseUrl, 'DROP FUNCTION slow_commit CASCADE');
  });

  it('writes nothing about keys that a request does not name, and shows no key in the job log', async () => {
    const { body } = await submit('a-key-that-is-secret', submission('secret'));
    const [{ message }] = await query<Shown>(suite.databaseUrl, 'SELECT message FROM job_log WHERE job_id = $1', [
      body.id,
    ]);
    expect(message).not.toContain('a-key-that-is-secret');
    const keys = await query(
      suite.databaseUrl,
      `SELECT key FROM idempotency_key k JOIN job j ON j.id = k.job_id WHERE j.submitted->>'content_id' = 'without'`,
    );
    expect(keys).toEqual([]);
  });

  /** Header values as they are, several too. */
  function raw(keys: string[], body: object): Promise<{ status: number; body: Shown }> {
    return new Promise((resolve, reject) => {
      const headers = [...Object.entries(api.headers), ['content-type', 'application/json']].flat();
      for (const key of keys) headers.push('Idempotency-Key', Buffer.from(key).toString('latin1'));
      const { hostname, port } = new URL(api.url);
      httpRequest(
        { hostname, port, path: '/job', method: 'POST', headers: [...headers, 'Host', `${hostname}:${port}`] },
        (response) => {
          let text = '';
          response.on('data', (chunk) => (text += String(chunk)));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
        },
      )
        .on('error', reject)
        .end(JSON.stringify(body));
    });
  }
});

describe('retention of Idempotency-Keys', () => {
  let engine: TestEngine;

  beforeAll(async () => {
    engine = await TestEngine.start();
  });

  afterAll(() => engine?.stop());

  it('forgets them after 24 hours, not earlier, however many there are; the jobs stay', async () => {
    const submit = async (key: string) =>
      engine
        .get(SubmitOnce)
        .run(key, { key }, { client: await engine.client(), workflow: 'noop', parameters: {}, requestLog: '{}' });
    const young = await submit('young');
    const old = await submit('old');
    const age = (key: string, interval: string) =>
      engine.query(`UPDATE idempotency_key SET created_at = now() - $2::interval WHERE key = $1`, [key, interval]);
    await age('young', '23 hours 59 minutes');
    await age('old', '24 hours 1 minute');
    await engine.query(
      `INSERT INTO idempotency_key SELECT 1, 'n' || n, '', n, now() - interval '2 days' FROM generate_series(1, 1200) AS n`,
    );
    await engine.get(RetainJobs).run(30);
    expect(await engine.query('SELECT key FROM idempotency_key')).toEqual([{ key: 'young' }]);
    expect(await submit('young')).toEqual(young);
    expect((await submit('old')).id).not.toBe(old.id);
    expect(await engine.state(old.id)).toBe('queued');
  });
});
