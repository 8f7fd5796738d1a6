import { Leadership } from '@task-engine/database';
import { ProbeSemaphore, ReleaseDue, RetainJobs, SwitchSchedule, UpdateJob } from '@task-engine/engine';
import { eventually } from '../../support/eventually';
import { TestEngine } from '../../support/start-engine';

describe('scheduling', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await TestEngine.start();
  });
  afterAll(() => engine.stop());

  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000);
  const due = (id: string) => engine.query(`UPDATE job SET run_at = now() - interval '1 second' WHERE id = $1`, [id]);

  it('a job is released once its time has come, and by one of several leaders', async () => {
    const ids = [];
    for (let i = 0; i < 50; i += 1) ids.push(await engine.submit('noop', {}, { runAt: inSeconds(3600).toISOString() }));
    expect(await engine.get(ReleaseDue).run()).toEqual([]);
    for (const id of ids) await due(id);
    const released = await Promise.all(Array.from({ length: 5 }, () => engine.get(ReleaseDue).run()));
    expect(released.flat()).toHaveLength(50);
    const moves = await engine.query<{ n: string }>(
      `SELECT count(*) AS n FROM job_transition WHERE job_id = ANY($1) AND to_state = 'queued'`,
      [ids],
    );
    expect(moves[0]!.n).toBe('50');
  });

  it('a due job waits for its semaphore: no, then yes', async () => {
    const id = await engine.submit('noop', {}, { semaphoreUrl: 'http://semaphore.example/' });
    await engine.get(ReleaseDue).run();
    expect(await engine.state(id)).toBe('scheduled');
    const probe = engine.get(ProbeSemaphore);
    expect(await probe.run(id, () => Promise.resolve({ open: false, why: 'it answered 503' }))).toBe(false);
    expect(await engine.stores.jobs.find(id)).toMatchObject({ state: 'scheduled', waitReason: 'Semaphore' });
    expect(await probe.run(id, () => Promise.resolve({ open: false, why: 'it answered 503' }))).toBe(false);
    expect((await engine.messages(id)).slice(1)).toEqual([
      'Semaphore http://semaphore.example/ does not say yes (it answered 503); it is asked again',
    ]);
    expect(await probe.run(id, () => Promise.resolve({ open: true }))).toBe(true);
    expect(await engine.state(id)).toBe('queued');
    expect(await probe.run(id, () => Promise.resolve({ open: true }))).toBeUndefined();
  });

  it('a yes of a semaphore that was replaced meanwhile releases nothing', async () => {
    const { id: clientId } = await engine.client();
    const id = await engine.submit('noop', {}, { semaphoreUrl: 'http://old.example/' });
    await engine.get(ProbeSemaphore).run(id, async () => {
      await engine.get(UpdateJob).run({ clientId, jobId: id, changes: { semaphoreUrl: 'http://new.example/' } });
      return { open: true };
    });
    expect(await engine.state(id)).toBe('scheduled');
  });

  it('an update moves a queued job to a later time, and a past time means now', async () => {
    const { id: clientId } = await engine.client();
    const id = await engine.submit('noop');
    const update = (changes: object) => engine.get(UpdateJob).run({ clientId, jobId: id, changes });
    await update({ runAt: inSeconds(3600) });
    expect(await engine.stores.jobs.find(id)).toMatchObject({ state: 'scheduled', waitReason: 'RunAt' });
    const before = Date.now();
    await update({ runAt: new Date(0) });
    expect((await engine.stores.jobs.find(id))!.runAt.getTime()).toBeGreaterThan(before - 2_000);
    await engine.get(ReleaseDue).run();
    expect(await engine.state(id)).toBe('queued');
  });

  it('a job that is resumed before its time is scheduled again, not queued', async () => {
    const { id: clientId } = await engine.client();
    const id = await engine.submit('noop', {}, { runAt: inSeconds(3600).toISOString() });
    await engine.get(UpdateJob).run({ clientId, jobId: id, changes: { state: 'paused' } });
    await engine.get(UpdateJob).run({ clientId, jobId: id, changes: { state: 'queued' } });
    expect(await engine.stores.jobs.find(id)).toMatchObject({ state: 'scheduled', waitReason: 'RunAt' });
  });

  it('a job that started, was paused and given a new time or semaphore waits for it when it is resumed', async () => {
    const { id: clientId } = await engine.client();
    const update = (id: string, changes: object) => engine.get(UpdateJob).run({ clientId, jobId: id, changes });
    const open = (id: string) => engine.get(ProbeSemaphore).run(id, () => Promise.resolve({ open: true }));
    await engine.stores.lanes.changeSetting('engine', 'max_jobs', 100);
    const id = await engine.submit('noop', {}, { semaphoreUrl: 'http://first.example/' });
    await open(id);
    await engine.admit();
    await update(id, { state: 'paused' });
    await update(id, { state: 'queued' });
    // it has let the job start before, so it is not asked again
    expect(await engine.state(id)).toBe('queued');
    await engine.admit();
    await update(id, { state: 'paused' });
    await update(id, { runAt: inSeconds(3600), semaphoreUrl: 'http://second.example/' });
    await update(id, { state: 'queued' });
    expect(await engine.stores.jobs.find(id)).toMatchObject({ state: 'scheduled', waitReason: 'RunAt' });
    await due(id);
    expect(await engine.get(ReleaseDue).run()).toEqual([]);
    expect(await open(id)).toBe(true);
    expect(await engine.state(id)).toBe('queued');
  });

  it('every tick of a schedule is fired by one of several leaders', async () => {
    await engine.query(`UPDATE schedule SET next_at = now() - interval '1 second'`);
    const fired = await Promise.all(Array.from({ length: 10 }, () => engine.stores.schedules.fireDue()));
    expect(fired.flat()).toHaveLength(1);
    expect(await engine.query(`SELECT 1 FROM schedule_tick`)).toHaveLength(1);
  });

  it('a schedule that is switched off is listed no more', async () => {
    const name = 'queue_scheduled_jobs';
    expect(await engine.get(SwitchSchedule).run(name, false)).toEqual([]);
    expect(await engine.get(SwitchSchedule).run(name, true)).toEqual([name]);
    await expect(engine.get(SwitchSchedule).run('nonsense', true)).rejects.toMatchObject({ code: 'invalid_parameter' });
  });

  it('one of two leaders leads, and the other one when the first is cut off', async () => {
    const [first, second] = [new Leadership(engine.url), new Leadership(engine.url)];
    let lost = 0;
    first.onLost(() => (lost += 1));
    expect(await first.tryAcquire()).toBe(true);
    expect(await second.tryAcquire()).toBe(false);
    await engine.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'task-engine leader'`,
    );
    await eventually(() => expect(lost).toBe(1));
    expect(first.held).toBe(false);
    await eventually(async () => expect(await second.tryAcquire()).toBe(true));
    await second.resign();
    expect(await first.tryAcquire()).toBe(true);
    await first.resign();
  });
});

describe('retention', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await TestEngine.start();
  });
  afterAll(() => engine.stop());

  it('deletes finished jobs and their rows after the days, but neither persistent nor unfinished ones, and totals stay', async () => {
    await engine.stores.lanes.changeSetting('engine', 'max_jobs', 100);
    const done = async () => {
      const id = await engine.submit('noop');
      await engine.admit();
      for (const work of await engine.claim(id)) await engine.report(work);
      await engine.advance(id);
      return id;
    };
    const [old, kept, recent] = [await done(), await done(), await done()];
    const waiting = await engine.submit('noop');
    await engine.stores.jobs.setPersist(kept, true);
    await engine.query(`UPDATE job SET finished_at = now() - interval '31 days' WHERE id = ANY($1)`, [[old, kept]]);
    await engine.query(`UPDATE job SET created_at = now() - interval '90 days' WHERE id = $1`, [waiting]);
    expect(await engine.get(RetainJobs).run(30)).toBe(1);
    const left = await engine.query<{ id: string }>(`SELECT id FROM job ORDER BY id`);
    expect(left.map((row) => row.id)).toEqual([kept, recent, waiting]);
    for (const table of ['task', 'execution', 'job_log', 'job_transition']) {
      expect(await engine.query(`SELECT 1 FROM ${table} WHERE job_id = $1`, [old])).toEqual([]);
    }
    expect(await engine.query(`SELECT value FROM counter WHERE name = 'executions_removed'`)).toEqual([{ value: '1' }]);
  });
});
