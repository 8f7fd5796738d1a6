import { setTimeout as wait } from 'node:timers/promises';
import { Database } from '@task-engine/database';
import { AdmitJobs, ChangeSetting, ExplainWait } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';

describe('admission', () => {
  let engine: TestEngine;
  beforeEach(async () => {
    engine = await TestEngine.start();
  });
  afterEach(() => engine.stop());

  const set = (name: string, value: number) => engine.get(ChangeSetting).run(name, value);
  const startedJobs = async () =>
    (await engine.query<{ id: string }>(`SELECT id FROM job WHERE state = 'started' ORDER BY id`)).map((row) => row.id);
  const finish = async (id: string) => {
    for (const work of await engine.claim(id)) await engine.report(work);
    await engine.advance(id);
  };
  const reasons = async () => {
    const queued = await engine.query<{ id: string }>(`SELECT id FROM job WHERE state = 'queued' ORDER BY id`);
    const ids = queued.map(({ id }) => id);
    const explained = await engine.get(ExplainWait).run('engine', ids);
    return ids.map((id) => explained.get(id));
  };

  it('ten controllers at once never pass max_jobs and start no job twice', async () => {
    await set('max_jobs', 7);
    for (let i = 0; i < 30; i += 1) await engine.submit('noop');
    const counts = await Promise.all(Array.from({ length: 10 }, () => engine.admit()));
    expect(counts.reduce((sum, count) => sum + count)).toBe(7);
    expect(await startedJobs()).toHaveLength(7);
    const starts = await engine.query(
      `SELECT job_id FROM job_transition WHERE to_state = 'started' GROUP BY job_id HAVING count(*) > 1`,
    );
    expect(starts).toEqual([]);
  });

  it('starts the most urgent first, and the oldest of those', async () => {
    await set('max_jobs', 1);
    const ids = [];
    for (const priority of [5, 9, 1, 5, 1]) ids.push(await engine.submit('noop', {}, { priority }));
    const order = [];
    while ((await engine.admit()) > 0) {
      const [id] = await startedJobs();
      order.push(ids.indexOf(id!));
      await finish(id!);
    }
    expect(order).toEqual([2, 4, 0, 3, 1]);
  });

  it('keeps reserved slots free of normal jobs and says so', async () => {
    await set('max_jobs', 5);
    await set('priority_slots', 2);
    for (let i = 0; i < 6; i += 1) await engine.submit('noop', {}, { priority: 6 });
    expect(await engine.admit()).toBe(3);
    expect(await reasons()).toEqual(['SlotsReserved', 'SlotsReserved', 'SlotsReserved']);
    for (let i = 0; i < 3; i += 1) await engine.submit('noop', {}, { priority: 5 });
    expect(await engine.admit()).toBe(2);
    expect(await reasons()).toEqual(['LaneFull', 'LaneFull', 'LaneFull', 'LaneFull']);
  });

  it('gives reserved slots to priority jobs however many normal ones stand on top of the queue', async () => {
    await set('max_jobs', 3);
    await set('priority_slots', 2);
    for (let i = 0; i < 5; i += 1) await engine.submit('noop', {}, { priority: 6 });
    await engine.query('UPDATE job SET top_of_queue = true');
    for (let i = 0; i < 3; i += 1) await engine.submit('noop', {}, { priority: 5 });
    expect(await engine.admit()).toBe(3);
    expect(
      await engine.query(`SELECT priority, count(*)::int AS n FROM job WHERE state = 'started' GROUP BY 1 ORDER BY 1`),
    ).toEqual([
      { priority: 5, n: 2 },
      { priority: 6, n: 1 },
    ]);
  });

  it('a changed threshold counts for jobs that wait already', async () => {
    await set('max_jobs', 2);
    await set('priority_slots', 2);
    await engine.submit('noop', {}, { priority: 7 });
    expect(await engine.admit()).toBe(0);
    await set('priority_threshold', 7);
    expect(await engine.admit()).toBe(1);
  });

  it('lowering max_jobs stops nothing but starts nothing until there is room', async () => {
    await set('max_jobs', 3);
    for (let i = 0; i < 5; i += 1) await engine.submit('noop');
    await engine.admit();
    await set('max_jobs', 1);
    const [first, second, third] = await startedJobs();
    await finish(first!);
    await finish(second!);
    expect(await engine.admit()).toBe(0);
    await finish(third!);
    expect(await engine.admit()).toBe(1);
  });

  it('holds a client at its cap while another client passes, however many of its jobs wait in front', async () => {
    await set('max_jobs', 4);
    const { id } = await engine.client();
    await engine.stores.clients.configure(id, { maxRunning: 1 });
    for (let i = 0; i < 20; i += 1) await engine.submit('noop', {}, { priority: 1 });
    await engine.submit('noop', {}, { client: 'other-client', priority: 9 });
    expect(await engine.admit()).toBe(2);
    expect((await reasons()).every((reason) => reason === 'ClientCap')).toBe(true);
  });

  it('a cap holds over all lanes, however many decide about them at one time', async () => {
    const { id } = await engine.client();
    await engine.stores.clients.configure(id, { maxRunning: 1 });
    const lanes = [
      1,
      (await engine.stores.lanes.ensure('another', 5)).id,
      (await engine.stores.lanes.ensure('third', 5)).id,
    ];
    for (let round = 0; round < 5; round += 1) {
      for (const laneId of lanes) {
        const job = await engine.submit('noop');
        await engine.query(`UPDATE job SET lane_id = $2 WHERE id = $1`, [job, laneId]);
      }
      const admitted = await Promise.all(lanes.map((laneId) => engine.get(AdmitJobs).run(laneId)));
      expect(admitted.reduce((sum, { started }) => sum + started, 0)).toBe(1);
      await engine.query(`UPDATE job SET state = 'broken', finished_at = now()`);
    }
  });

  it('a cap that is changed while somebody decides about a lane holds from the next decision on', async () => {
    const { id } = await engine.client();
    let setting: Promise<void> | undefined;
    const seen = await engine.get(Database).transaction(async (stores) => {
      await stores.lanes.lock(1);
      setting = engine.stores.clients.configure(id, { maxRunning: 1 });
      const outcome = await Promise.race([setting.then(() => 'set'), wait(300, 'waits')]);
      return [outcome, await stores.admission.cappedClients()];
    });
    await setting;
    expect(seen).toEqual(['waits', []]);
    expect(await engine.stores.admission.cappedClients()).toEqual([{ clientId: id, cap: 1, running: 0 }]);
  });

  it('a paused lane starts nothing and its jobs say why', async () => {
    await engine.stores.lanes.setPaused('engine', true);
    await engine.submit('noop');
    expect(await engine.admit()).toBe(0);
    expect(await reasons()).toEqual(['LanePaused']);
  });

  it('every waiting job has a reason', async () => {
    await set('max_jobs', 1);
    await engine.submit('noop');
    await engine.admit();
    await engine.submit('noop');
    const later = new Date(Date.now() + 3_600_000).toISOString();
    await engine.submit('noop', {}, { runAt: later });
    await engine.submit('noop', {}, { semaphoreUrl: 'http://127.0.0.1:9/' });
    const paused = await engine.submit('noop');
    await engine.stores.jobs.pause(paused);
    expect(await reasons()).toEqual(['LaneFull']);
    const rows = await engine.query(
      `SELECT state, wait_reason FROM job WHERE state IN ('scheduled', 'paused') ORDER BY id`,
    );
    expect(rows).toEqual([
      { state: 'scheduled', wait_reason: 'RunAt' },
      { state: 'scheduled', wait_reason: 'Semaphore' },
      { state: 'paused', wait_reason: 'JobPaused' },
    ]);
  });

  it('takes every setting the engine reads, and any other name as a setting of its own', async () => {
    for (const name of [
      'max_jobs',
      'priority_slots',
      'priority_threshold',
      'retry_limit',
      'retry_delay',
      'schedule_interval',
    ]) {
      await engine.get(ChangeSetting).run(name, '7');
    }
    const lane = await engine.stores.lanes.findByName('engine');
    expect(lane).toMatchObject({
      maxRunning: 7,
      reservedSlots: 7,
      reservedThreshold: 7,
      retryLimit: 7,
      retryDelaySeconds: 7,
    });
    expect((await engine.stores.schedules.list())[0]!.everySeconds).toBe(7);
    await engine.get(ChangeSetting).run('constructor', 'x');
    expect(await engine.query('SELECT name, value FROM setting')).toEqual([{ name: 'constructor', value: 'x' }]);
  });

  it('refuses a limit that is none', async () => {
    for (const [name, value] of [
      ['max_jobs', 0],
      ['max_jobs', 'x'],
      ['priority_threshold', 0],
      ['retry_limit', -1],
      ['retry_delay', 1.5],
    ] as const) {
      await expect(engine.get(ChangeSetting).run(name, value)).rejects.toMatchObject({ code: 'invalid_parameter' });
    }
  });
});
