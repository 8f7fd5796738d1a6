import { GraphLanes, ReadHealth } from '@task-engine/engine';
import { TestEngine, WORKER } from '../../support/start-engine';
import { Graphs } from './graph-fixture';

describe('graph tasks that are created', () => {
  let engine: TestEngine;
  let graphs: Graphs;
  beforeAll(async () => {
    engine = await TestEngine.start();
    graphs = new Graphs(engine);
  });
  afterAll(() => engine.stop());

  it('are answered as they are read afterwards', async () => {
    const parent = await graphs.create({ scheduledAt: new Date('2100-01-01T00:00:00Z') });
    const created = await graphs.create({
      name: 'Example "Task"',
      description: 'an example',
      command: `echo 'Hello {"World"}'`,
      priority: 8,
      maxRetries: 0,
      timeoutSeconds: 60,
      scheduledAt: new Date('2100-01-01T00:00:00Z'),
      tags: ['example', 'a, "quoted" {one}'],
      dependencies: [parent.id],
      checkpointEnabled: true,
    });
    expect(await graphs.find(created.id)).toEqual(created);
    expect(created).toMatchObject({
      status: 'pending',
      priority: 8,
      retryCount: 0,
      dependencies: [parent.id],
      tags: ['example', 'a, "quoted" {one}'],
      workerId: null,
      result: null,
      checkpoint: null,
    });
  });

  it('are never older than their last change', async () => {
    for (let n = 0; n < 5; n += 1) {
      const { id } = await graphs.create();
      const { createdAt, updatedAt } = await graphs.find(id);
      expect(updatedAt.getTime()).toBeGreaterThanOrEqual(createdAt.getTime());
      await graphs.complete(id);
    }
  });

  it('with few dependencies do not wait for those with thousands', async () => {
    const scheduledAt = new Date('2100-01-01T00:00:00Z');
    const parents = await Promise.all(
      Array.from({ length: 1_000 }, async () => (await graphs.create({ scheduledAt })).id),
    );
    const done: string[] = [];
    const create = async (name: string, dependencies: string[]) => {
      await graphs.create({ dependencies });
      done.push(name);
    };
    const large = Array.from({ length: 10 }, () => create('large', parents));
    await Promise.all([...large, create('small', parents.slice(0, 1))]);
    expect(done.indexOf('small')).toBeLessThan(5);
  });

  it('runs: pending, running and completed, with the result of its command', async () => {
    const { id } = await graphs.create();
    const work = (await graphs.begin(id))!;
    expect(work.job.parameters).toEqual({
      name: 'a task',
      command: 'true',
      timeoutSeconds: 3600,
      maxRetries: 3,
      checkpoint: false,
    });
    expect(await graphs.find(id)).toMatchObject({ status: 'running', workerId: expect.any(String), completedAt: null });
    expect(await graphs.succeed(work, 'it is done')).toBe(true);
    const task = await graphs.find(id);
    expect(task).toMatchObject({ status: 'completed', result: 'it is done', error: null, retryCount: 0 });
    expect(task.startedAt!.getTime()).toBeLessThanOrEqual(task.completedAt!.getTime());
  });

  it('a child runs after its parent', async () => {
    const parent = await graphs.create();
    const child = await graphs.childOf(parent.id, parent.id);
    expect(await graphs.begin(child)).toBeUndefined();
    await graphs.complete(parent.id);
    await graphs.complete(child);
    expect(await graphs.status(child)).toBe('completed');
  });

  it('names each dependency once, and refuses those that are unknown, of another client, or no graph tasks', async () => {
    const [one, two] = [await graphs.create(), await graphs.create()];
    const { dependencies } = await graphs.create({ dependencies: [two.id, one.id, two.id] });
    expect(dependencies).toEqual([two.id, one.id]);
    const foreign = await graphs.create({}, 'other-client');
    const job = await engine.submit('noop');
    const before = await engine.query(`SELECT count(*) FROM job`);
    const answer = await graphs.tasks.create(
      await engine.client(),
      graphs.newTask({ dependencies: [one.id, foreign.id, job, '9223372036854775807'] }),
    );
    expect(answer).toEqual({ refused: 'unknown_dependency', ids: [foreign.id, job, '9223372036854775807'] });
    expect(await engine.query(`SELECT count(*) FROM job`)).toEqual(before);
  });

  it('some that are refused change nothing for those that are created with them', async () => {
    const parent = await graphs.create();
    const client = await engine.client();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        graphs.tasks.create(
          client,
          graphs.newTask({ name: `task ${n}`, dependencies: [n % 3 === 0 ? '99999999' : parent.id] }),
        ),
      ),
    );
    answers.forEach((answer, n) => {
      if (n % 3 === 0) expect(answer).toEqual({ refused: 'unknown_dependency', ids: ['99999999'] });
      else expect(answer).toMatchObject({ task: { name: `task ${n}`, dependencies: [parent.id] } });
    });
  });

  it('does not wait for what has completed already', async () => {
    const parent = await graphs.create();
    await graphs.complete(parent.id);
    const child = await graphs.create({ dependencies: [parent.id] });
    await graphs.complete(child.id);
    expect(await graphs.find(child.id)).toMatchObject({ status: 'completed', dependencies: [parent.id] });
  });

  it('starts when what it depends on has completed and its time has come', async () => {
    const parent = await graphs.create();
    const child = await graphs.create({ dependencies: [parent.id], scheduledAt: new Date(Date.now() + 3_600_000) });
    const client = await engine.client();
    expect(await graphs.tasks.wait(client, child.id)).toEqual({
      reason: 'Dependency',
      blockedBy: [{ id: parent.id, status: 'pending' }],
    });
    await graphs.complete(parent.id);
    expect(await graphs.tasks.wait(client, child.id)).toEqual({ reason: 'RunAt', blockedBy: [] });
    expect(await graphs.begin(child.id)).toBeUndefined();
    await graphs.due(child.id);
    await graphs.complete(child.id);
  });

  it('10 comes first, equal ones in the order in which they were created', async () => {
    await engine.query(`UPDATE lane SET max_running = 1 WHERE name = 'task-scheduler'`);
    await engine.query(`UPDATE job SET state = 'broken', finished_at = now() WHERE finished_at IS NULL`);
    const client = await engine.client();
    const blocker = await graphs.create();
    await graphs.admit();
    const ids: string[] = [];
    for (const priority of [1, 5, 10, 5, 10]) ids.push((await graphs.create({ priority })).id);
    // nobody is there to free the slot
    expect(await graphs.tasks.wait(client, ids[2]!)).toEqual({ reason: 'NoWorker', blockedBy: [] });
    await engine.query(`INSERT INTO worker (id, app, host, pid) VALUES ($1, 'task-worker', 'host', 1)`, [WORKER]);
    await engine.query(`INSERT INTO worker_queue (worker_id, queue, slots) VALUES ($1, 'shell', 4)`, [WORKER]);
    expect(await graphs.tasks.wait(client, ids[2]!)).toEqual({ reason: 'LaneFull', blockedBy: [] });
    await graphs.complete(blocker.id);
    const ran = [];
    for (let n = 0; n < ids.length; n += 1) {
      await graphs.admit();
      const [{ id }] = (await engine.query(`SELECT id FROM job WHERE state = 'started' AND workflow = 'shell'`)) as [
        { id: string },
      ];
      await graphs.complete(id);
      ran.push(id);
    }
    expect(ran).toEqual([2, 4, 1, 3, 0].map((index) => ids[index]));
    await engine.query(`UPDATE lane SET max_running = 16 WHERE name = 'task-scheduler'`);
  });

  it('with worker tags wait in a lane and a queue of their own, which those have that have all the tags', async () => {
    const lanes = engine.get(GraphLanes);
    const gpu = await graphs.create({ workerTags: ['gpu'] });
    const both = await graphs.create({ workerTags: ['linux:arm', 'gpu', 'gpu'] });
    expect(await lanes.queuesFor([])).toEqual(['shell']);
    expect(await lanes.queuesFor(['gpu', 'other'])).toEqual(['shell', 'shell/gpu']);
    expect(await lanes.queuesFor(['linux:arm', 'gpu'])).toEqual(['shell', 'shell/gpu', 'shell/gpu,linux%3Aarm']);
    await graphs.admit();
    const queues = await engine.query(
      `SELECT job_id, queue FROM execution WHERE job_id = ANY($1::bigint[]) ORDER BY job_id`,
      [[gpu.id, both.id]],
    );
    expect(queues).toEqual([
      { job_id: gpu.id, queue: 'shell/gpu' },
      { job_id: both.id, queue: 'shell/gpu,linux%3Aarm' },
    ]);
    expect(await graphs.tasks.wait(await engine.client(), gpu.id)).toEqual({ reason: 'NoWorker', blockedBy: [] });
    // what no worker takes blocks nobody else
    await graphs.complete((await graphs.create()).id);
    expect(Object.keys((await engine.get(ReadHealth).run('engine')).queues)).not.toContainEqual(
      expect.stringContaining('shell'),
    );
  });

  it('takes a thousand sets of worker tags, and no more', async () => {
    await engine.query(
      `INSERT INTO lane (name) SELECT 'task-scheduler/set' || n FROM generate_series(1, 1000 - (SELECT count(*)::int FROM lane WHERE name LIKE 'task-scheduler/%')) n`,
    );
    const client = await engine.client();
    expect(await graphs.tasks.create(client, graphs.newTask({ workerTags: ['further'] }))).toEqual({
      refused: 'too_many_worker_tags',
    });
    expect(await graphs.tasks.create(client, graphs.newTask({ workerTags: ['set1'] }))).toMatchObject({
      task: { workerTags: ['set1'] },
    });
    expect(await graphs.tasks.create(client, graphs.newTask())).toMatchObject({ task: { workerTags: [] } });
  });

  it('is told who has run it last', async () => {
    const { id } = await graphs.create();
    await graphs.complete(id);
    expect((await graphs.find(id)).workerId).toBe(WORKER);
  });
});
