import { ExpireLeases, HeartbeatExecutions, TimeOutJobs, UpdateJob } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';

describe('leases', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await TestEngine.start();
    await engine.stores.lanes.changeSetting('engine', 'max_jobs', 100);
  });
  afterAll(() => engine.stop());

  const started = async (workflow: string, parameters: object = {}) => {
    const id = await engine.submit(workflow, parameters);
    await engine.admit();
    return id;
  };
  const expire = async (executionId: string) => {
    await engine.query(`UPDATE execution SET lease_expires_at = now() - interval '1 second' WHERE id = $1`, [
      executionId,
    ]);
    await engine.get(ExpireLeases).run();
  };

  it('one execution claimed by 50 workers at once has one holder', async () => {
    const id = await started('noop');
    const claims = await Promise.all(Array.from({ length: 50 }, () => engine.claim(id)));
    expect(claims.flat()).toHaveLength(1);
  });

  it('a report with a stale token is refused and changes nothing', async () => {
    const id = await started('noop');
    const [first] = await engine.claim(id);
    await expire(first!.executionId);
    const [second] = await engine.claim(id);
    expect(Number(second!.token)).toBeGreaterThan(Number(first!.token));
    expect(await engine.report(first!)).toBe(false);
    expect(await engine.report({ ...second!, token: first!.token })).toBe(false);
    await engine.advance(id);
    expect(await engine.state(id)).toBe('started');
    expect(await engine.report(second!)).toBe(true);
    expect(await engine.report(second!)).toBe(false);
    await engine.advance(id);
    expect(await engine.state(id)).toBe('completed');
  });

  it('output that comes twice, its first answer lost, is kept once; a lease that is over keeps none', async () => {
    const id = await started('noop');
    const [work] = await engine.claim(id);
    const lease = { executionId: work!.executionId, token: work!.token };
    const pieces = ['one', 'two'].map((text) => ({ stream: 'stdout' as const, bytes: text.length, text }));
    const { runOutput } = engine.stores;
    expect(await runOutput.append(id, lease, 0, pieces)).toBe(true);
    expect(await runOutput.append(id, lease, 0, pieces)).toBe(true);
    expect((await runOutput.after(id, 0, 1_000)).map(({ seq, text }) => [seq, text])).toEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
    await expire(work!.executionId);
    expect(await runOutput.append(id, lease, 2, pieces)).toBe(false);
  });

  it('the history says why a task ran again', async () => {
    const id = await started('noop');
    const [first] = await engine.claim(id);
    await expire(first!.executionId);
    expect(await engine.query(`SELECT state, cause FROM execution WHERE job_id = $1 ORDER BY id`, [id])).toEqual([
      { state: 'lost', cause: 'first' },
      { state: 'queued', cause: 'lease_lost' },
    ]);
    expect((await engine.messages(id)).join('\n')).toMatch(
      /stopped answering while it ran 'noop' \(lease lost, 1 of 3\): it runs again/,
    );
  });

  it('a heartbeat renews a lease that is held and tells of one that is not', async () => {
    const id = await started('noop');
    const [work] = await engine.claim(id, 1);
    const lease = { executionId: work!.executionId, token: work!.token };
    const heartbeat = engine.get(HeartbeatExecutions);
    expect(await heartbeat.run([lease], 60)).toEqual(new Set([work!.executionId]));
    expect(await engine.get(ExpireLeases).run()).toBe(0);
    expect(await heartbeat.run([{ ...lease, token: '0' }], 60)).toEqual(new Set());
    const [row] = await engine.query<{ left: number }>(
      `SELECT EXTRACT(EPOCH FROM lease_expires_at - clock_timestamp())::int AS left FROM execution WHERE id = $1`,
      [work!.executionId],
    );
    expect(row!.left).toBeGreaterThan(50);
  });

  it('a task that loses its lease to dead workers three times fails as poison', async () => {
    const id = await started('noop');
    for (let death = 1; death <= 3; death += 1) {
      const [work] = await engine.claim(id);
      await expire(work!.executionId);
    }
    await engine.advance(id);
    const job = (await engine.stores.jobs.find(id))!;
    expect(job.state).toBe('failed');
    expect(job.error).toMatch(/^poison: its worker died 3 times/);
  });

  it('a task on its last chance is given only to a worker that runs no other one of them', async () => {
    const id = await started('noop');
    for (let death = 1; death <= 2; death += 1) {
      const [work] = await engine.claim(id, 10, { lastChance: false });
      await expire(work!.executionId);
    }
    expect(await engine.claim(id, 10, { lastChance: false })).toEqual([]);
    const [last] = await engine.claim(id);
    expect(last!.lastChance).toBe(true);
    expect(await engine.report(last!)).toBe(true);
  });

  it('work handed back at shutdown runs again at once and counts as no try', async () => {
    const id = await started('flaky', { failures: 1 });
    const [first] = await engine.claim(id);
    expect(await engine.report(first!, { state: 'released' })).toBe(true);
    const [second] = await engine.claim(id);
    expect(second!.task.tries).toBe(0);
  });

  it('retries follow retry_limit and retry_delay as they are when the try fails', async () => {
    await engine.stores.lanes.changeSetting('engine', 'retry_delay', 0);
    await engine.stores.lanes.changeSetting('engine', 'retry_limit', 1);
    const id = await started('fail', { message: 'no luck' });
    const failure = { state: 'failed', error: 'no luck', retryable: true } as const;
    const [first] = await engine.claim(id);
    await engine.report(first!, failure);
    // A limit raised now counts for the next decision.
    await engine.stores.lanes.changeSetting('engine', 'retry_limit', 2);
    const [second] = await engine.claim(id);
    await engine.report(second!, failure);
    const [third] = await engine.claim(id);
    await engine.report(third!, failure);
    await engine.advance(id);
    expect(await engine.stores.jobs.find(id)).toMatchObject({ state: 'failed', error: 'no luck' });
    expect(await engine.query(`SELECT tries FROM task WHERE job_id = $1`, [id])).toEqual([{ tries: 3 }]);
    await engine.stores.lanes.changeSetting('engine', 'retry_delay', 3600);
    const waiting = await started('fail');
    const [work] = await engine.claim(waiting);
    await engine.report(work!, failure);
    expect(await engine.claim(waiting)).toEqual([]);
  });

  it('a final failure is not repeated', async () => {
    const id = await started('fail');
    const [work] = await engine.claim(id);
    await engine.report(work!, { state: 'failed', error: 'bad input', retryable: false });
    await engine.advance(id);
    expect(await engine.state(id)).toBe('failed');
  });

  it('breaking a job fails its tasks and refuses what its worker reports later', async () => {
    const { id: clientId } = await engine.client();
    const id = await started('steps', { count: 3 });
    const [work] = await engine.claim(id);
    await engine.get(UpdateJob).run({ clientId, jobId: id, changes: { state: 'broken' } });
    expect(await engine.report(work!)).toBe(false);
    expect(await engine.query(`SELECT DISTINCT state FROM task WHERE job_id = $1`, [id])).toEqual([
      { state: 'failed' },
    ]);
    await engine.advance(id);
    expect(await engine.state(id)).toBe('broken');
  });

  it('a job that runs longer than its definition allows fails, and what it runs is stopped', async () => {
    const id = await started('steps', { count: 2 });
    const [work] = await engine.claim(id);
    await engine.query(
      `UPDATE definition SET body = jsonb_set(body, '{timeout}', '60') WHERE digest = (SELECT definition_digest FROM job WHERE id = $1)`,
      [id],
    );
    expect(await engine.get(TimeOutJobs).run()).toBe(0);
    await engine.query(`UPDATE job SET started_at = now() - interval '61 seconds' WHERE id = $1`, [id]);
    expect(await engine.get(TimeOutJobs).run()).toBe(1);
    expect(await engine.state(id)).toBe('failed');
    expect(await engine.report(work!)).toBe(false);
    expect((await engine.messages(id)).at(-1)).toMatch(/^job has failed: not done within/);
  });

  it('a result with characters that PostgreSQL cannot store is kept with them replaced', async () => {
    const id = await started('noop');
    const [work] = await engine.claim(id);
    const output = { 'a\0': ['x\0y', { b: '\ud800' }], plain: 'ö' };
    expect(await engine.report(work!, { state: 'succeeded', output })).toBe(true);
    const [task] = await engine.query<{ output: unknown }>(`SELECT output FROM task WHERE job_id = $1`, [id]);
    expect(task!.output).toEqual({ 'a\ufffd': ['x\ufffdy', { b: '\ufffd' }], plain: 'ö' });
    const failing = await started('fail');
    const [failed] = await engine.claim(failing);
    expect(await engine.report(failed!, { state: 'failed', error: 'bad \0 \udc00', retryable: false })).toBe(true);
    await engine.advance(failing);
    expect((await engine.stores.jobs.find(failing))!.error).toBe('bad \ufffd \ufffd');
  });

  it('the database itself refuses a second live execution of a task', async () => {
    const id = await started('noop');
    const insert = engine.query(
      `INSERT INTO execution (task_id, job_id, queue, cause) SELECT id, job_id, 'work', 'retry' FROM task WHERE job_id = $1`,
      [id],
    );
    await expect(insert).rejects.toMatchObject({ code: '23505' });
  });
});
