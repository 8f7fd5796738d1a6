import { ExpireLeases, GraphWork } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';
import { Graphs } from './graph-fixture';

describe('tries of graph tasks', () => {
  let engine: TestEngine;
  let graphs: Graphs;
  let client: { id: number; name: string };
  beforeAll(async () => {
    engine = await TestEngine.start();
    graphs = new Graphs(engine);
    client = await engine.client();
  });
  afterAll(() => engine.stop());

  const lose = async (id: string) => {
    expect(await graphs.begin(id)).toBeDefined();
    await engine.query(
      `UPDATE execution SET lease_expires_at = now() - interval '1 s' WHERE job_id = $1 AND state = 'running'`,
      [id],
    );
    expect(await engine.get(ExpireLeases).run()).toBe(1);
  };

  it('come after 1, 2, 4 seconds and so on, without a slot meanwhile, and end with the error of the last one', async () => {
    const { id } = await graphs.create({ maxRetries: 3 });
    for (let n = 0; n < 3; n += 1) {
      await graphs.fail((await graphs.begin(id))!);
      expect(await graphs.find(id)).toMatchObject({
        status: 'pending',
        retryCount: n + 1,
        error: null,
        startedAt: null,
        completedAt: null,
        workerId: null,
      });
      expect(await graphs.tasks.wait(client, id)).toEqual({ reason: 'Backoff', blockedBy: [] });
      // nobody watches over a queue for what waits for its time
      expect(await engine.stores.executions.oldest()).toEqual([]);
      expect(await engine.state(id)).toBe('scheduled');
      const [{ delay }] = (await engine.query(
        `SELECT EXTRACT(EPOCH FROM run_at - updated_at)::float8 AS delay FROM job WHERE id = $1`,
        [id],
      )) as [{ delay: number }];
      expect(delay / 2 ** n).toBeGreaterThan(0.88);
      expect(delay / 2 ** n).toBeLessThan(1.15);
      expect(await graphs.begin(id)).toBeUndefined();
      await graphs.due(id);
    }
    await graphs.fail((await graphs.begin(id))!, 'exit code 3: the last');
    expect(await graphs.find(id)).toMatchObject({
      status: 'failed',
      retryCount: 3,
      error: 'exit code 3: the last',
      result: null,
    });
    expect(await engine.query(`SELECT cause FROM execution WHERE job_id = $1 ORDER BY id`, [id])).toEqual(
      ['first', 'retry', 'retry', 'retry'].map((cause) => ({ cause })),
    );
    const states = await engine.query<{ to_state: string }>(
      `SELECT to_state FROM job_transition WHERE job_id = $1 ORDER BY id`,
      [id],
    );
    expect(states.map((row) => row.to_state).join(' ')).toBe(
      `queued started${' scheduled queued started'.repeat(3)} failed`,
    );
    const messages = await engine.messages(id);
    expect(messages).toHaveLength(3);
    expect(messages[0]).toMatch(/^exit code 3: no\. Retry 1 of 3 in (0\.9|1\.[01]) s$/);
  });

  it('are not repeated when that cannot help, or no retries are wanted', async () => {
    const [never, hopeless] = [await graphs.create({ maxRetries: 0 }), await graphs.create()];
    await graphs.fail((await graphs.begin(never.id))!);
    await graphs.fail((await graphs.begin(hopeless.id))!, 'no such shell', false);
    for (const { id } of [never, hopeless])
      expect(await graphs.find(id)).toMatchObject({ status: 'failed', retryCount: 0 });
  });

  it('by hand: counted on, with the checkpoint, and the automatic ones anew', async () => {
    const { id } = await graphs.create({ maxRetries: 1, checkpointEnabled: true });
    expect(await graphs.tasks.retry(client, id)).toEqual({ refused: 'not_failed', status: 'pending' });
    const work = (await graphs.begin(id))!;
    expect(await graphs.tasks.retry(client, id)).toEqual({ refused: 'not_failed', status: 'running' });
    await graphs.tasks.checkpoint({ client }, id, { step: 3 });
    await graphs.fail(work);
    await graphs.failForGood(id);
    expect(await graphs.find(id)).toMatchObject({ status: 'failed', retryCount: 1 });
    const answer = await graphs.tasks.retry(client, id);
    const reset = {
      status: 'pending',
      retryCount: 2,
      error: null,
      startedAt: null,
      completedAt: null,
      workerId: null,
      checkpoint: { step: 3 },
    };
    expect(answer).toMatchObject({ task: reset });
    expect(await graphs.find(id)).toEqual((answer as { task: object }).task);
    await graphs.fail((await graphs.begin(id))!);
    expect(await graphs.find(id)).toMatchObject({ status: 'pending', retryCount: 3 });
    await graphs.due(id);
    await graphs.complete(id);
    expect(await graphs.find(id)).toMatchObject({ status: 'completed', retryCount: 3, result: 'done' });
  });

  it('that lose their workers run again and show as retries; three times is too often', async () => {
    const { id } = await graphs.create({ name: 'deadly', maxRetries: 0 });
    await lose(id);
    expect(await graphs.find(id)).toMatchObject({ status: 'pending', retryCount: 1 });
    expect(await graphs.tasks.wait(client, id)).toEqual({ reason: 'NoWorker', blockedBy: [] });
    await lose(id);
    await lose(id);
    expect(await graphs.find(id)).toMatchObject({
      status: 'failed',
      retryCount: 2,
      error: expect.stringContaining("poison: its worker died 3 times while it ran 'deadly'"),
    });
    expect(await graphs.tasks.retry(client, id)).toMatchObject({ task: { retryCount: 3 } });
    await graphs.complete(id);
  });

  it('that their workers hand back are no retries', async () => {
    const { id } = await graphs.create();
    const work = (await graphs.begin(id))!;
    const running = await graphs.find(id);
    await engine.report(work, { state: 'released' });
    expect(await graphs.find(id)).toMatchObject({ status: 'pending', startedAt: null, workerId: null });
    expect((await graphs.find(id)).updatedAt.getTime()).toBeGreaterThanOrEqual(running.updatedAt.getTime());
    await engine.query(`UPDATE execution SET started_at = started_at - interval '1 hour' WHERE job_id = $1`, [id]);
    await graphs.complete(id);
    const { startedAt, ...task } = await graphs.find(id);
    expect(task).toMatchObject({ status: 'completed', retryCount: 0 });
    const [last] = await engine.query<{ at: Date }>(`SELECT max(started_at) AS at FROM execution WHERE job_id = $1`, [
      id,
    ]);
    expect(Math.abs(last!.at.getTime() - startedAt!.getTime())).toBeLessThan(1_000);
  });

  it('of cancelled tasks end, and late reports change nothing', async () => {
    const [waiting, running] = [
      await graphs.create({ scheduledAt: new Date('2100-01-01T00:00:00Z') }),
      await graphs.create(),
    ];
    const work = (await graphs.begin(running.id))!;
    for (const { id } of [waiting, running]) {
      expect(await graphs.tasks.cancel(client, id)).toMatchObject({ task: { id, status: 'cancelled', error: null } });
      expect(await graphs.tasks.cancel(client, id)).toEqual({ refused: 'finished', status: 'cancelled' });
      expect(await graphs.tasks.retry(client, id)).toEqual({ refused: 'not_failed', status: 'cancelled' });
    }
    expect(await graphs.succeed(work)).toBe(false);
    expect(await graphs.find(running.id)).toMatchObject({ status: 'cancelled', result: null });
    expect(await engine.query(`SELECT state FROM execution WHERE job_id = $1`, [running.id])).toEqual([
      { state: 'stopped' },
    ]);
  });

  it.each(['failed', 'cancelled'] as const)('a %s parent leaves its children pending, and they say so', async (how) => {
    const parent = await graphs.create({ maxRetries: 0 });
    const child = await graphs.childOf(parent.id);
    if (how === 'failed') await graphs.failForGood(parent.id);
    else await graphs.tasks.cancel(client, parent.id);
    expect(await graphs.tasks.wait(client, child)).toEqual({
      reason: 'Dependency',
      blockedBy: [{ id: parent.id, status: how }],
    });
    // a child that comes later waits as well
    const later = await graphs.childOf(parent.id);
    expect(await graphs.status(later)).toBe('pending');
    expect(await graphs.tasks.remove(client, parent.id)).toEqual({ refused: 'needed', ids: [child, later] });
    if (how === 'cancelled') return;
    await graphs.tasks.retry(client, parent.id);
    await graphs.complete(parent.id);
    await graphs.complete(child);
    await graphs.complete(later);
  });

  it('keep checkpoints while they run, by their own token or their client; the token of an earlier try is stale', async () => {
    const { id } = await graphs.create({ checkpointEnabled: true });
    const other = await graphs.create();
    const begin = (work: { executionId: string; token: string }) => engine.get(GraphWork).begin(work, id);
    expect(await graphs.tasks.checkpoint({ client }, id, {})).toEqual({ refused: 'not_running', status: 'pending' });
    const first = (await graphs.begin(id))!;
    const { token, checkpoint } = (await begin(first))!;
    expect(token).toMatch(/^tet_[\w-]{32}$/);
    expect(checkpoint).toBeNull();
    expect(await engine.query(`SELECT FROM graph_task WHERE strpos(graph_task::text, $1) > 0`, [token])).toEqual([]);
    const data = { step: 1, text: 'it\'s \u0000 "quoted"', nested: { list: [1, null] } };
    const kept = { ...data, text: 'it\'s \ufffd "quoted"' };
    expect(await graphs.tasks.checkpoint({ token }, id, data)).toMatchObject({ task: { id, checkpoint: kept } });
    expect(await graphs.tasks.checkpoint({ client }, id, { step: 2 })).toMatchObject({
      task: { checkpoint: { step: 2 } },
    });
    expect((await graphs.find(id)).checkpoint).toEqual({ step: 2 });
    await graphs.begin(other.id);
    expect(await graphs.tasks.checkpoint({ client }, other.id, {})).toEqual({ refused: 'not_enabled' });
    expect(await graphs.tasks.checkpoint({ token: 'tet_wrong' }, id, {})).toEqual({ refused: 'stale_token' });
    expect(await graphs.tasks.checkpoint({ token }, '99999999', {})).toEqual({ refused: 'not_found' });
    await graphs.fail(first);
    expect(await graphs.tasks.checkpoint({ token }, id, {})).toEqual({ refused: 'not_running', status: 'pending' });
    await graphs.due(id);
    const second = (await graphs.begin(id))!;
    expect(await begin(first)).toBeUndefined();
    const next = (await begin(second))!;
    expect(next.checkpoint).toEqual({ step: 2 });
    expect(await graphs.tasks.checkpoint({ token }, id, { step: 'late' })).toEqual({ refused: 'stale_token' });
    expect(await graphs.tasks.checkpoint({ token: next.token }, id, { step: 3 })).toMatchObject({
      task: { checkpoint: { step: 3 } },
    });
    await graphs.succeed(second);
    expect(await graphs.tasks.checkpoint({ token: next.token }, id, {})).toEqual({
      refused: 'not_running',
      status: 'completed',
    });
  });
});
