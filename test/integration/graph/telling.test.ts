import { RetainJobs } from '@task-engine/engine';
import { TestEngine, WORKER } from '../../support/start-engine';
import { Graphs } from './graph-fixture';

interface Told {
  event: string;
  timestamp: string;
  task: {
    id: string;
    name: string;
    status: string;
    result: string | null;
    started_at: string | null;
    completed_at: string | null;
  };
}

describe('what graph tasks tell', () => {
  let engine: TestEngine;
  let graphs: Graphs;
  let client: { id: number; name: string };
  beforeEach(async () => {
    engine = await TestEngine.start();
    graphs = new Graphs(engine);
    client = await engine.client();
  });
  afterEach(() => engine.stop());

  const EVENTS = [
    'task.created',
    'task.started',
    'task.completed',
    'task.failed',
    'task.cancelled',
    'task.retrying',
    'worker.offline',
  ];
  const subscribe = async (events = EVENTS, name = 'demo-client') =>
    engine.query(
      `INSERT INTO webhook (client_id, url, events) SELECT id, 'http://127.0.0.1:9/', $2 FROM client WHERE name = $1`,
      [name, events],
    );
  const told = async (): Promise<Told[]> =>
    (await engine.query<{ body: string }>(`SELECT body FROM delivery ORDER BY id`)).map(
      ({ body }) => JSON.parse(body) as Told,
    );
  const SECOND = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

  it('is what becomes of them, with the transition that does it', async () => {
    await subscribe();
    await subscribe(['task.completed'], 'other-client');
    const { id } = await graphs.create({ name: 'told', maxRetries: 1 });
    const child = await graphs.create({ name: 'child', dependencies: [id] });
    await graphs.fail((await graphs.begin(id))!);
    await graphs.due(id);
    await graphs.fail((await graphs.begin(id))!);
    await graphs.tasks.retry(client, id);
    await graphs.complete(id, 'it is done');
    await graphs.begin(child.id);
    await graphs.tasks.cancel(client, child.id);
    const all = await told();
    expect(all.map(({ event, task }) => `${task.name} ${event} ${task.status}`)).toEqual([
      'told task.created pending',
      'child task.created pending',
      'told task.started running',
      'told task.retrying pending',
      'told task.started running',
      'told task.failed failed',
      'told task.retrying pending',
      'told task.started running',
      'told task.completed completed',
      'child task.started running',
      'child task.cancelled cancelled',
    ]);
    expect(all[8]).toEqual({
      event: 'task.completed',
      timestamp: expect.stringMatching(SECOND),
      task: {
        id: `task-${id}`,
        name: 'told',
        status: 'completed',
        result: 'it is done',
        started_at: expect.stringMatching(SECOND),
        completed_at: expect.stringMatching(SECOND),
      },
    });
    expect(all[0]!.task).toMatchObject({ result: null, started_at: null, completed_at: null });
    expect(all[5]!.task).toMatchObject({
      started_at: expect.stringMatching(SECOND),
      completed_at: expect.stringMatching(SECOND),
    });
    // by the clock that tells when it completed
    expect(all[7]!.task.started_at).toBe(all[8]!.task.started_at);
    expect(await engine.query(`SELECT DISTINCT kind, client_id FROM delivery`)).toEqual([
      { kind: 'event', client_id: client.id },
    ]);
    // the log is their commands'
    expect(await engine.messages(id)).toEqual([expect.stringContaining('Retry 1 of 1')]);
  });

  it('outlives them, for as long as jobs are kept', async () => {
    await subscribe(['task.created']);
    const { id } = await graphs.create();
    await graphs.create();
    await graphs.tasks.remove(client, id);
    expect(await told()).toHaveLength(2);
    await engine.query(
      `UPDATE delivery SET state = 'delivered', finished_at = now() - interval '30 days' WHERE job_id = $1`,
      [id],
    );
    await engine.get(RetainJobs).run(28);
    expect(await told()).toHaveLength(1);
  });

  it('counts for its hour by UTC and for its worker', async () => {
    await engine.query(`INSERT INTO worker (id, app, host, pid) VALUES ($1, 'task-worker', 'host', 1)`, [WORKER]);
    for (let n = 0; n < 3; n += 1) await graphs.complete((await graphs.create()).id);
    const failing = await graphs.create({ maxRetries: 1 });
    await graphs.failForGood(failing.id);
    await graphs.tasks.cancel(client, (await graphs.create()).id);
    const slow = await graphs.create();
    const work = (await graphs.begin(slow.id))!;
    await engine.query(`UPDATE execution SET started_at = started_at - interval '100 s' WHERE job_id = $1`, [slow.id]);
    await graphs.succeed(work);
    const hours = await engine.query<{ run_seconds: number }>(
      `SELECT worker_id, completed, failed, run_seconds, hour = date_trunc('hour', now(), 'UTC') AS now FROM graph_hour`,
    );
    expect(hours).toEqual([
      { worker_id: WORKER, completed: '4', failed: '1', run_seconds: expect.any(Number), now: true },
    ]);
    expect(hours[0]!.run_seconds).toBeGreaterThan(100);
    expect(hours[0]!.run_seconds).toBeLessThan(105);
    expect(await engine.query(`SELECT tasks_completed, tasks_failed FROM worker WHERE id = $1`, [WORKER])).toEqual([
      { tasks_completed: '4', tasks_failed: '1' },
    ]);
    await engine.query(`UPDATE graph_hour SET hour = hour - interval '401 days'`);
    await engine.get(RetainJobs).run(28);
    expect(await engine.query(`SELECT FROM graph_hour`)).toEqual([]);
  });
});
