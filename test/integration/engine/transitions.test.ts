import { UpdateJob, RerunJob } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';

describe('transitions of a job', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await TestEngine.start();
    await engine.stores.lanes.changeSetting('engine', 'max_jobs', 1_000);
  });
  afterAll(() => engine.stop());

  it('200 concurrent starts of one job have one winner', async () => {
    const id = await engine.submit('noop');
    const results = await Promise.all(Array.from({ length: 200 }, () => engine.stores.admission.start([id])));
    expect(results.flat()).toEqual([id]);
    const transitions = await engine.query(`SELECT to_state FROM job_transition WHERE job_id = $1 ORDER BY id`, [id]);
    expect(transitions).toEqual([{ to_state: 'queued' }, { to_state: 'started' }]);
  });

  it('of pause, break and start at once, each winner left a state that allows it', async () => {
    const { id: clientId } = await engine.client();
    const id = await engine.submit('noop');
    const update = (state: 'paused' | 'broken') =>
      engine.get(UpdateJob).run({ clientId, jobId: id, changes: { state } });
    await Promise.allSettled([
      ...Array.from({ length: 60 }, () => update('paused')),
      ...Array.from({ length: 60 }, () => engine.stores.admission.start([id])),
      ...Array.from({ length: 60 }, () => update('broken')),
    ]);
    const chain = await engine.query<{ from_state: string | null; to_state: string }>(
      `SELECT from_state, to_state FROM job_transition WHERE job_id = $1 ORDER BY id`,
      [id],
    );
    for (let i = 1; i < chain.length; i += 1) expect(chain[i]!.from_state).toBe(chain[i - 1]!.to_state);
    expect(chain.at(-1)!.to_state).toBe('broken');
    expect(chain.filter((step) => step.to_state === 'broken')).toHaveLength(1);
  });

  it('a finished job changes no more, but may be broken', async () => {
    const { id: clientId } = await engine.client();
    const id = await engine.submit('noop');
    await engine.admit();
    for (const work of await engine.claim(id)) await engine.report(work);
    await engine.advance(id);
    expect(await engine.state(id)).toBe('completed');
    const update = (changes: object) => engine.get(UpdateJob).run({ clientId, jobId: id, changes });
    await expect(update({ state: 'paused' })).rejects.toMatchObject({ code: 'illegal_transition' });
    await expect(update({ state: 'queued' })).rejects.toMatchObject({ code: 'illegal_transition' });
    await expect(update({ priority: 1 })).rejects.toMatchObject({ code: 'illegal_transition' });
    await expect(update({ runAt: new Date() })).rejects.toMatchObject({ code: 'illegal_transition' });
    expect(await update({ persist: true })).toEqual(['persist']);
    expect(await update({ state: 'broken' })).toEqual(['state']);
    expect(await engine.state(id)).toBe('broken');
  });

  it('an update of which one part is refused changes nothing', async () => {
    const { id: clientId } = await engine.client();
    const id = await engine.submit('noop');
    await engine.stores.admission.start([id]);
    await expect(
      engine
        .get(UpdateJob)
        .run({ clientId, jobId: id, changes: { priority: 1, runAt: new Date(Date.now() + 60_000) } }),
    ).rejects.toMatchObject({ code: 'illegal_transition' });
    expect((await engine.stores.jobs.find(id))!.priority).toBe(5);
  });

  it('another client cannot tell a foreign job from one that does not exist', async () => {
    const foreign = await engine.client('other-client');
    const id = await engine.submit('noop');
    const update = (jobId: string) =>
      engine.get(UpdateJob).run({ clientId: foreign.id, jobId, changes: { state: 'broken' } });
    await expect(update(id)).rejects.toMatchObject({ code: 'not_found', message: `Unknown job: ${id}` });
    await expect(update('999999')).rejects.toMatchObject({ code: 'not_found', message: 'Unknown job: 999999' });
    await expect(engine.get(RerunJob).run({ client: foreign, jobId: id, requestLog: '{}' })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await engine.state(id)).toBe('queued');
  });

  it('a job paused while it runs keeps its running task, gets no new one, and goes on when it is resumed', async () => {
    const { id: clientId } = await engine.client();
    const update = (state: 'paused' | 'queued') =>
      engine.get(UpdateJob).run({ clientId, jobId: id, changes: { state } });
    const id = await engine.submit('steps', { count: 2 });
    await engine.admit();
    const [first] = await engine.claim(id);
    await update('paused');
    expect(await engine.report(first!)).toBe(true);
    await engine.advance(id);
    expect(await engine.queuedExecutions(id)).toEqual([]);
    await update('queued');
    await engine.admit();
    const [second] = await engine.claim(id);
    expect(second!.task.name).toBe('step_2');
    await engine.report(second!);
    await engine.advance(id);
    expect(await engine.state(id)).toBe('completed');
  });

  it('an execution that waits in a queue is not claimed while its job is paused', async () => {
    const { id: clientId } = await engine.client();
    const id = await engine.submit('noop');
    await engine.admit();
    await engine.get(UpdateJob).run({ clientId, jobId: id, changes: { state: 'paused' } });
    expect(await engine.claim(id)).toEqual([]);
  });

  it('rerun breaks the original, whatever its state, and submits the same parameters as a new job', async () => {
    const client = await engine.client();
    const rerun = (jobId: string) => engine.get(RerunJob).run({ client, jobId, requestLog: '{}' });
    const prepare: Record<string, (id: string) => Promise<unknown>> = {
      queued: async () => undefined,
      started: (id) => engine.stores.admission.start([id]),
      paused: (id) => engine.stores.jobs.pause(id),
      broken: (id) => engine.stores.jobs.break(id, 'test'),
      completed: async (id) => {
        await engine.stores.admission.start([id]);
        await engine.stores.jobs.complete([id]);
      },
      failed: async (id) => {
        await engine.stores.admission.start([id]);
        await engine.stores.jobs.fail(id, 'test');
      },
    };
    for (const [state, reach] of Object.entries(prepare)) {
      const id = await engine.submit('sleep', { seconds: '0.5', content_id: state }, { priority: 3 });
      await reach(id);
      const { id: again } = await rerun(id);
      expect(again).not.toBe(id);
      expect(await engine.state(id)).toBe('broken');
      const job = (await engine.stores.jobs.find(again))!;
      expect(job).toMatchObject({
        state: 'queued',
        priority: 3,
        workflow: 'sleep',
        submitted: { seconds: '0.5', content_id: state },
        rerunOf: id,
      });
    }
  });
});
