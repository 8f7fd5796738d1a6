import { type GraphFilter, type GraphSort, RetainJobs } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';
import { Graphs } from './graph-fixture';

describe('graph tasks that are read', () => {
  let engine: TestEngine;
  let graphs: Graphs;
  let client: { id: number; name: string };
  beforeEach(async () => {
    engine = await TestEngine.start();
    graphs = new Graphs(engine);
    client = await engine.client();
  });
  afterEach(() => engine.stop());

  const list = async (filter: Partial<GraphFilter> = {}) => {
    const { tasks, total } = await graphs.tasks.list(client, {
      sort: 'created_at',
      descending: true,
      offset: 0,
      limit: 20,
      ...filter,
    });
    return { names: tasks.map(({ name }) => name).join(' '), total };
  };

  it('are listed by status, tag, page and each order', async () => {
    const future = (hours: number) => new Date(Date.UTC(2100, 0, 1, hours));
    await graphs.create({ name: 'foreign', tags: ['x'] }, 'other-client');
    const completed = await graphs.create({ name: 'completed', priority: 3, tags: ['x', 'y'] });
    await graphs.complete(completed.id);
    const failed = await graphs.create({ name: 'failed', priority: 9, maxRetries: 0, tags: ['x'] });
    await graphs.failForGood(failed.id);
    const running = await graphs.create({ name: 'running', priority: 3 });
    await graphs.begin(running.id);
    await graphs.create({ name: 'late', scheduledAt: future(2), tags: ['y'] });
    await graphs.create({ name: 'early', scheduledAt: future(1), workerTags: ['gpu'] });
    const cancelled = await graphs.create({ name: 'cancelled', priority: 10, tags: ['x,y'] });
    await graphs.tasks.cancel(client, cancelled.id);
    const unclaimed = await graphs.create({ name: 'unclaimed', workerTags: ['gpu'] });
    await graphs.admit();
    expect(await engine.state(unclaimed.id)).toBe('started');

    expect(await list()).toEqual({ names: 'unclaimed cancelled early late running failed completed', total: 7 });
    expect(await list({ offset: 2, limit: 3 })).toEqual({ names: 'early late running', total: 7 });
    expect(await list({ offset: 100 })).toEqual({ names: '', total: 7 });
    expect(await list({ status: 'pending' })).toEqual({ names: 'unclaimed early late', total: 3 });
    expect(await list({ status: 'running' })).toEqual({ names: 'running', total: 1 });
    for (const status of ['completed', 'failed', 'cancelled'] as const)
      expect(await list({ status })).toEqual({ names: status, total: 1 });
    expect(await list({ tag: 'x' })).toEqual({ names: 'failed completed', total: 2 });
    expect(await list({ tag: 'x', status: 'failed', limit: 1 })).toEqual({ names: 'failed', total: 1 });
    expect(await list({ tag: 'nothing' })).toEqual({ names: '', total: 0 });

    const ordered = async (sort: GraphSort, descending: boolean) => (await list({ sort, descending })).names;
    const all = 'completed failed running late early cancelled unclaimed';
    expect(await ordered('created_at', false)).toBe(all);
    expect(await ordered('priority', true)).toBe('cancelled failed unclaimed early late running completed');
    expect(await ordered('priority', false)).toBe('completed running late early unclaimed failed cancelled');
    expect(await ordered('name', false)).toBe('cancelled completed early failed late running unclaimed');
    expect(await ordered('scheduled_at', false)).toBe('early late completed failed running cancelled unclaimed');
    expect(await ordered('scheduled_at', true)).toBe('late early unclaimed cancelled running failed completed');
    expect(await ordered('started_at', true)).toMatch(/^running failed completed /);
    expect(await ordered('completed_at', false)).toMatch(/^completed failed cancelled /);
    expect(await ordered('updated_at', true)).toMatch(/^unclaimed cancelled /);
    expect(await ordered('status', false)).toBe('cancelled completed failed late early unclaimed running');
  });

  it('show nothing to other clients', async () => {
    const other = await engine.client('other-client');
    const { id } = await graphs.create({ checkpointEnabled: true, tags: ['x'] });
    const before = await graphs.find(id);
    const { tasks } = graphs;
    expect(await tasks.find(other, id)).toBeUndefined();
    expect(await tasks.wait(other, id)).toBeUndefined();
    expect(await tasks.log(other, id, { limit: 10, offset: 0 })).toBeUndefined();
    expect(await tasks.list(other, { tag: 'x', sort: 'name', descending: false, offset: 0, limit: 10 })).toEqual({
      tasks: [],
      total: 0,
    });
    const notFound = { refused: 'not_found' };
    expect(await tasks.update(other, id, { name: 'theirs' })).toEqual(notFound);
    expect(await tasks.update(other, id, { dependencies: [id] })).toEqual(notFound);
    expect(await tasks.remove(other, id)).toEqual(notFound);
    expect(await tasks.cancel(other, id)).toEqual(notFound);
    expect(await graphs.find(id)).toEqual(before);
    const work = (await graphs.begin(id))!;
    expect(await tasks.checkpoint({ client: other }, id, {})).toEqual(notFound);
    await graphs.fail(work, 'no', false);
    expect(await tasks.retry(other, id)).toEqual(notFound);
    const own = await graphs.create({}, 'other-client');
    expect(await tasks.update(other, own.id, { dependencies: [id] })).toEqual({
      refused: 'unknown_dependency',
      ids: [id],
    });
    expect(await graphs.status(id)).toBe('failed');
    // a job of another kind is no task
    const job = await engine.submit('noop');
    expect(await tasks.find(client, job)).toBeUndefined();
    expect(await tasks.cancel(client, job)).toEqual(notFound);
    expect(await tasks.remove(client, job)).toEqual(notFound);
  });

  it('have a log of what their commands say, in pages and by level', async () => {
    const { id } = await graphs.create();
    const work = (await graphs.begin(id))!;
    expect(work.lines.map(({ message, severity }) => [message, severity ?? 'INFO'])).toEqual([
      ['Task started execution', 'INFO'],
    ]);
    const about = { jobId: id, taskId: work.task.id, progname: 'worker' as const };
    await engine.stores.jobLog.append([
      ...work.lines,
      { ...about, message: 'one' },
      { ...about, message: 'bad', severity: 'ERROR' },
      { ...about, message: 'two' },
      { ...about, message: 'told', progname: 'callback' },
      { ...about, message: 'detail', severity: 'DEBUG' },
    ]);
    await graphs.fail(work);
    const log = async (
      options: { level?: 'debug' | 'info' | 'warn' | 'error'; limit?: number; offset?: number } = {},
    ) => {
      const { lines, total } = (await graphs.tasks.log(client, id, { limit: 100, offset: 0, ...options }))!;
      return { said: lines.map(({ level, message }) => `${level} ${message.slice(0, 22)}`), total };
    };
    const all = [
      'info Task started execution',
      'info one',
      'error bad',
      'info two',
      'debug detail',
      'warn exit code 3: no. Retry',
    ];
    expect(await log()).toEqual({ said: all, total: 6 });
    expect(await log({ limit: 2, offset: 1 })).toEqual({ said: all.slice(1, 3), total: 6 });
    expect(await log({ level: 'info', limit: 2 })).toEqual({ said: all.slice(0, 2), total: 3 });
    expect(await log({ level: 'error' })).toEqual({ said: ['error bad'], total: 1 });
    expect(await log({ level: 'warn' })).toEqual({ said: ['warn exit code 3: no. Retry'], total: 1 });
    await graphs.due(id);
    await graphs.complete(id);
    expect((await log()).total).toBe(6);
  });

  it('are kept as long as jobs are, and those that wait for one that is gone say so', async () => {
    const parent = await graphs.create({ maxRetries: 0 });
    const child = await graphs.childOf(parent.id);
    await graphs.failForGood(parent.id);
    const completed = await graphs.create();
    const other = await graphs.childOf(completed.id, parent.id);
    await graphs.complete(completed.id);
    await engine.query(`UPDATE job SET finished_at = now() - interval '30 days' WHERE finished_at IS NOT NULL`);
    expect(await engine.get(RetainJobs).run(28)).toBe(2);
    for (const id of [child, other])
      expect(await graphs.tasks.wait(client, id)).toEqual({
        reason: 'Dependency',
        blockedBy: [{ id: parent.id, status: 'deleted' }],
      });
    expect(await graphs.tasks.update(client, child, { dependencies: [parent.id] })).toEqual({
      refused: 'unknown_dependency',
      ids: [parent.id],
    });
    await graphs.tasks.update(client, child, { dependencies: [] });
    await graphs.complete(child);
    expect(await engine.query(`SELECT FROM graph_edge WHERE job_id <> $1`, [other])).toEqual([]);
  });
});
