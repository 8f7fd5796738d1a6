import { TestEngine } from '../../support/start-engine';
import { Graphs } from './graph-fixture';

const ROUNDS = 15;

describe('graph tasks at one time', () => {
  let engine: TestEngine;
  let graphs: Graphs;
  let client: { id: number; name: string };
  beforeAll(async () => {
    engine = await TestEngine.start();
    graphs = new Graphs(engine);
    client = await engine.client();
    await engine.query(`UPDATE lane SET max_running = 1000 WHERE name = 'task-scheduler'`);
  });
  afterAll(() => engine.stop());

  const releases = (id: string) =>
    engine.query(`SELECT FROM job_transition WHERE job_id = $1 AND from_state = 'pending'`, [id]);

  it('children that are created while their parent completes never wait for ever', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const parent = await graphs.create();
      const work = (await graphs.begin(parent.id))!;
      const [, ...children] = await Promise.all([
        graphs.succeed(work),
        ...Array.from({ length: 20 }, () => graphs.childOf(parent.id)),
      ]);
      for (const child of children) expect(await engine.state(child)).not.toBe('pending');
      expect(await engine.query(`SELECT FROM graph_edge WHERE parent_id = $1`, [parent.id])).toEqual([]);
      for (const child of children) await graphs.complete(child);
    }
  });

  it('a child is released once, whichever of its parents completes last', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const parents = await Promise.all(Array.from({ length: 8 }, () => graphs.create()));
      const ids = parents.map(({ id }) => id);
      const children = await Promise.all([graphs.childOf(...ids), graphs.childOf(...ids.toReversed())]);
      const works = [];
      for (const id of ids) works.push((await graphs.begin(id))!);
      await Promise.all(works.map((work) => graphs.succeed(work)));
      for (const child of children) {
        expect(await releases(child)).toHaveLength(1);
        await graphs.complete(child);
      }
    }
  });

  it('a child whose dependencies change while they complete is released once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, two] = [await graphs.create(), await graphs.create()];
      const child = await graphs.childOf(one.id);
      const works = [(await graphs.begin(one.id))!, (await graphs.begin(two.id))!];
      const changes = [[one.id, two.id], [two.id], [one.id, two.id]];
      const [answers] = await Promise.all([
        Promise.all(changes.map((dependencies) => graphs.tasks.update(client, child, { dependencies }))),
        ...works.map((work) => graphs.succeed(work)),
      ]);
      for (const answer of answers) expect(answer).toMatchObject({ task: { id: child } });
      expect(['queued', 'started']).toContain(await engine.state(child));
      await graphs.complete(child);
    }
  });

  it('tasks are created below a child that is older than its parents while these complete', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = await graphs.create({ scheduledAt: new Date('2100-01-01T00:00:00Z') });
      const parents = (await Promise.all([1, 2, 3].map(() => graphs.create()))).map(({ id }) => id);
      await graphs.tasks.update(client, child.id, { dependencies: parents, scheduledAt: null });
      const works = [];
      for (const id of parents) works.push((await graphs.begin(id))!);
      const [below] = await Promise.all([
        Promise.all(Array.from({ length: 10 }, () => graphs.childOf(child.id, ...parents))),
        ...works.map((work) => graphs.succeed(work)),
      ]);
      await graphs.complete(child.id);
      for (const id of below) expect(await engine.state(id)).not.toBe('pending');
    }
  });

  it('of a cancel and a report one wins, and its children know', async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < ROUNDS * 2; round += 1) {
      const { id } = await graphs.create();
      const child = await graphs.childOf(id);
      const work = (await graphs.begin(id))!;
      const [cancelled, taken] = await Promise.all([graphs.tasks.cancel(client, id), graphs.succeed(work)]);
      expect('task' in cancelled).toBe(!taken);
      const status = await graphs.status(id);
      expect(status).toBe(taken ? 'completed' : 'cancelled');
      outcomes.add(status);
      expect((await engine.state(child)) === 'pending').toBe(!taken);
      expect(await graphs.tasks.cancel(client, child)).toMatchObject({ task: { status: 'cancelled' } });
    }
    expect(outcomes.size).toBeGreaterThan(0);
  });

  it('of a removal and a child one wins', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id } = await graphs.create();
      const [removed, child] = await Promise.all([
        graphs.tasks.remove(client, id),
        graphs.tasks.create(client, graphs.newTask({ dependencies: [id] })),
      ]);
      if ('removed' in removed) expect(child).toEqual({ refused: 'unknown_dependency', ids: [id] });
      else expect(removed).toEqual({ refused: 'needed', ids: [(child as { task: { id: string } }).task.id] });
    }
  });

  it('of a removal and a worker that begins one wins', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id } = await graphs.create();
      await graphs.admit();
      const [removed, [work]] = await Promise.all([graphs.tasks.remove(client, id), engine.claim(id)]);
      if (work) {
        expect(removed).toEqual({ refused: 'running' });
        expect(await graphs.succeed(work)).toBe(true);
      } else expect(removed).toEqual({ removed: true });
    }
  });

  it('a task is tried again once, however often its client asks', async () => {
    const { id } = await graphs.create({ maxRetries: 0 });
    await graphs.failForGood(id);
    const answers = await Promise.all(Array.from({ length: 10 }, () => graphs.tasks.retry(client, id)));
    expect(answers.filter((answer) => 'task' in answer)).toHaveLength(1);
    await graphs.complete(id);
    expect(await graphs.find(id)).toMatchObject({ status: 'completed', retryCount: 1 });
  });
});
