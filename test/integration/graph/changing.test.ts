import { type GraphTaskFields, RerunJob, UpdateJob } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';
import { Graphs } from './graph-fixture';

describe('graph tasks that are changed', () => {
  let engine: TestEngine;
  let graphs: Graphs;
  let client: { id: number; name: string };
  beforeAll(async () => {
    engine = await TestEngine.start();
    graphs = new Graphs(engine);
    client = await engine.client();
  });
  afterAll(() => engine.stop());

  const update = (id: string, changes: Partial<GraphTaskFields>) => graphs.tasks.update(client, id, changes);
  const waits = async (id: string) => (await graphs.tasks.wait(client, id))!;
  const future = new Date('2100-01-01T00:00:00Z');

  it('have what was changed, and keep the rest', async () => {
    const before = await graphs.create({ description: 'old', tags: ['old'], command: 'echo' });
    const changes = {
      name: 'new',
      priority: 8,
      maxRetries: 5,
      timeoutSeconds: 7200,
      tags: ['a', 'b'],
      scheduledAt: future,
    };
    const answer = await update(before.id, changes);
    expect(answer).toEqual({ task: { ...before, ...changes, updatedAt: expect.any(Date) } });
    expect(await graphs.find(before.id)).toEqual((answer as { task: object }).task);
    expect(await waits(before.id)).toEqual({ reason: 'RunAt', blockedBy: [] });
    expect(await update(before.id, { scheduledAt: null, description: null })).toMatchObject({
      task: { scheduledAt: null, description: null, name: 'new' },
    });
    const work = (await graphs.begin(before.id))!;
    expect(work.job.parameters).toMatchObject({ name: 'new', command: 'echo', timeoutSeconds: 7200, maxRetries: 5 });
    expect(await update(before.id, { name: 'newer' })).toEqual({ refused: 'not_pending', status: 'running' });
    await graphs.succeed(work);
    expect(await update(before.id, { name: 'newer' })).toEqual({ refused: 'not_pending', status: 'completed' });
  });

  it('wait for other dependencies from then on', async () => {
    const [one, two, three] = [await graphs.create(), await graphs.create(), await graphs.create()];
    const child = await graphs.childOf(one.id, two.id);
    await graphs.complete(three.id);
    await update(child, { dependencies: [two.id, three.id, two.id] });
    expect((await waits(child)).blockedBy).toEqual([{ id: two.id, status: 'pending' }]);
    expect((await graphs.find(child)).dependencies).toEqual([two.id, three.id]);
    await graphs.complete(two.id);
    await graphs.complete(child);
    await graphs.complete(one.id);
  });

  it('may name again what they depended on and what was deleted after it had completed', async () => {
    const [met, failed, open] = [await graphs.create(), await graphs.create(), await graphs.create()];
    const child = await graphs.childOf(met.id, failed.id, open.id);
    await graphs.complete(met.id);
    expect(await graphs.tasks.remove(client, met.id)).toEqual({ removed: true });
    const { dependencies } = await graphs.find(child);
    expect(await update(child, { priority: 9, dependencies })).toMatchObject({ task: { priority: 9, dependencies } });
    expect(await update(open.id, { dependencies: [met.id] })).toEqual({
      refused: 'unknown_dependency',
      ids: [met.id],
    });
    for (const { id } of [failed, open]) await graphs.complete(id);
    await graphs.complete(child);
  });

  it('go on at once when nothing is left to wait for', async () => {
    const parent = await graphs.create({ scheduledAt: future });
    const child = await graphs.childOf(parent.id);
    await update(child, { dependencies: [] });
    await graphs.complete(child);
  });

  it.each(['queued', 'started', 'scheduled'])('wait again although they were %s', async (state) => {
    const parent = await graphs.create({ scheduledAt: future });
    await engine.stores.lanes.setPaused('task-scheduler', state === 'queued');
    const { id } = await graphs.create(state === 'scheduled' ? { scheduledAt: future } : {});
    if (state === 'started') await graphs.admit();
    expect(await engine.state(id)).toBe(state);
    await update(id, { dependencies: [parent.id], scheduledAt: null });
    await engine.stores.lanes.setPaused('task-scheduler', false);
    expect(await waits(id)).toEqual({ reason: 'Dependency', blockedBy: [{ id: parent.id, status: 'pending' }] });
    expect(await graphs.begin(id)).toBeUndefined();
    await update(parent.id, { scheduledAt: null });
    await graphs.complete(parent.id);
    await graphs.complete(id);
  });

  it('that no worker takes go to other workers when their tags change', async () => {
    const { id } = await graphs.create({ workerTags: ['nobody'] });
    await graphs.admit();
    expect(await engine.state(id)).toBe('started');
    await update(id, { workerTags: ['gpu'] });
    await graphs.admit();
    expect(await engine.query(`SELECT queue, parked FROM execution WHERE job_id = $1`, [id])).toEqual([
      { queue: 'shell/gpu', parked: false },
    ]);
    await graphs.complete(id);
  });

  it('many at a time, to tags that nobody has had, while slots are filled', async () => {
    const tasks = await Promise.all(Array.from({ length: 40 }, () => graphs.create()));
    const [answers] = await Promise.all([
      Promise.all(tasks.map(({ id }) => update(id, { workerTags: [`new-${id}`] }))),
      ...Array.from({ length: 10 }, () => graphs.admit()),
    ]);
    for (const answer of answers) expect(answer).toMatchObject({ task: { workerTags: [expect.any(String)] } });
    for (const { id } of tasks) expect(await graphs.tasks.remove(client, id)).toEqual({ removed: true });
  });

  it('keep their place with a worker when something else changes', async () => {
    const { id } = await graphs.create();
    await graphs.admit();
    await update(id, { description: 'new' });
    expect(await engine.state(id)).toBe('started');
    await graphs.complete(id);
  });

  it('never wait for themselves, directly or by way of others', async () => {
    const first = await graphs.create({ scheduledAt: future });
    const second = await graphs.childOf(first.id);
    const third = await graphs.childOf(second);
    const other = await graphs.create({ scheduledAt: future });
    expect(await update(first.id, { dependencies: [other.id, first.id] })).toEqual({ refused: 'self_dependency' });
    expect(await update(first.id, { dependencies: [other.id, third] })).toEqual({ refused: 'cycle', ids: [third] });
    expect(await update(first.id, { dependencies: [second] })).toEqual({ refused: 'cycle', ids: [second] });
    expect(await update(first.id, { name: 'new', dependencies: ['99999999', third] })).toEqual({
      refused: 'unknown_dependency',
      ids: ['99999999'],
    });
    expect(await graphs.find(first.id)).toEqual(first);
    expect(await update(first.id, { dependencies: [other.id] })).toMatchObject({ task: { dependencies: [other.id] } });
    expect(await update(third, { dependencies: [second, first.id] })).toMatchObject({ task: { id: third } });
  });

  it('of two changes at one time that would close a circle together, one is refused', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [one, two] = [await graphs.create({ scheduledAt: future }), await graphs.create({ scheduledAt: future })];
      // far apart: neither change touches what the other one does
      const [behindOne, behindTwo] = [await graphs.childOf(one.id), await graphs.childOf(two.id)];
      const answers = await Promise.all([
        update(one.id, { dependencies: [behindTwo] }),
        update(two.id, { dependencies: [behindOne] }),
      ]);
      expect(answers.filter((answer) => 'task' in answer)).toHaveLength(1);
      expect(answers).toContainEqual({ refused: 'cycle', ids: [expect.any(String)] });
    }
  });

  it('are removed, unless they run or a task still waits for them', async () => {
    const parent = await graphs.create();
    const child = await graphs.childOf(parent.id);
    const remove = (id: string) => graphs.tasks.remove(client, id);
    expect(await remove(parent.id)).toEqual({ refused: 'needed', ids: [child] });
    const work = (await graphs.begin(parent.id))!;
    expect(await remove(parent.id)).toEqual({ refused: 'running' });
    await graphs.succeed(work);
    expect(await remove(parent.id)).toEqual({ removed: true });
    expect(await remove(parent.id)).toEqual({ refused: 'not_found' });
    await graphs.complete(child);
    const [one, two] = [await graphs.create(), await graphs.create()];
    const third = await graphs.childOf(one.id, two.id);
    expect(await remove(third)).toEqual({ removed: true });
    expect(await remove(one.id)).toEqual({ removed: true });
    expect(await engine.query(`SELECT FROM graph_edge WHERE job_id = $1`, [third])).toEqual([]);
    // what was cancelled waits for nobody
    const cancelled = await graphs.childOf(two.id);
    await graphs.tasks.cancel(client, cancelled);
    expect(await remove(two.id)).toEqual({ removed: true });
    for (const table of ['task', 'execution', 'job_log', 'graph_task', 'graph_wait', 'job_transition'])
      expect(
        await engine.query(`SELECT FROM ${table} WHERE job_id = ANY($1::bigint[])`, [
          [parent.id, third, one.id, two.id],
        ]),
      ).toEqual([]);
  });

  it('are removed from the slot that they had', async () => {
    const { id } = await graphs.create({ workerTags: ['nobody'] });
    await graphs.admit();
    expect(await graphs.tasks.remove(client, id)).toEqual({ removed: true });
    expect(await engine.query(`SELECT FROM job WHERE id = $1`, [id])).toEqual([]);
  });

  it('are not found by who changes jobs of the Task Engine API, although the client is the same', async () => {
    const { id } = await graphs.create();
    const change = { clientId: client.id, jobId: id, changes: { state: 'paused' as const } };
    await expect(engine.get(UpdateJob).run(change)).rejects.toThrow('Unknown job');
    await expect(engine.get(RerunJob).run({ client, jobId: id, requestLog: '' })).rejects.toThrow('Unknown job');
    expect(await graphs.status(id)).toBe('pending');
  });
});
