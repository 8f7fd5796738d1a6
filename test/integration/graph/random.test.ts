import {
  ClaimExecutions,
  type ClaimedWork,
  ExpireLeases,
  FoldTotals,
  ReleaseDue,
  ReportExecutions,
  RetainJobs,
} from '@task-engine/engine';
import { TestEngine, WORKER } from '../../support/start-engine';
import { Graphs } from './graph-fixture';

/** How long all of them go on at one time, in milliseconds, and how many do so. */
const LASTS_MS = 8_000;
const ACTORS = 14;
const EVENTS = ['created', 'started', 'completed', 'failed', 'cancelled', 'retrying'].map((name) => `task.${name}`);

const below = (n: number) => Math.floor(Math.random() * n);
const pick = <Item>(list: Item[]): Item => list[below(list.length)]!;

/** What no moment may show: each finds rows only when something is wrong. */
const WRONG = {
  'a task that counts other parents than it has edges': `SELECT w.job_id, w.unmet FROM graph_wait w
     WHERE w.unmet <> (SELECT count(*) FROM graph_edge e WHERE e.job_id = w.job_id)`,
  'a task that waits for nothing and nobody releases': `SELECT j.id FROM job j LEFT JOIN graph_wait w ON w.job_id = j.id
     WHERE j.state = 'pending' AND COALESCE(w.unmet, 0) = 0`,
  'a task that goes on although it has to wait': `SELECT j.id FROM job j JOIN graph_wait w ON w.job_id = j.id
     WHERE w.unmet > 0 AND j.state NOT IN ('pending', 'broken')`,
  'an edge from a completed task, or one that its child does not name': `SELECT e.* FROM graph_edge e JOIN graph_task g ON g.job_id = e.job_id
     LEFT JOIN job p ON p.id = e.parent_id WHERE p.state = 'completed' OR NOT e.parent_id = ANY(g.dependencies)`,
  'a task that runs or ran before its parents had completed': `SELECT g.job_id, p.id FROM graph_task g
     JOIN task t ON t.job_id = g.job_id AND t.state IN ('started', 'completed') JOIN job p ON p.id = ANY(g.dependencies) WHERE p.state <> 'completed'`,
  'a circle': `WITH RECURSIVE way AS (SELECT parent_id AS start, job_id AS at FROM graph_edge
       UNION SELECT way.start, e.job_id FROM way JOIN graph_edge e ON e.parent_id = way.at)
     SELECT * FROM way WHERE start = at`,
  'a started task that nobody can take': `SELECT j.id FROM job j WHERE j.state = 'started'
     AND NOT EXISTS (SELECT FROM execution e WHERE e.job_id = j.id AND (e.state = 'running' OR e.state = 'queued' AND NOT e.parked))`,
  'something to take of a task that has no slot': `SELECT j.id FROM job j JOIN execution e ON e.job_id = j.id
     WHERE j.state <> 'started' AND e.state = 'queued' AND NOT e.parked`,
  'an execution in a queue that is not its lane': `SELECT e.id FROM job j JOIN lane l ON l.id = j.lane_id JOIN execution e ON e.job_id = j.id
     WHERE e.state = 'queued' AND e.queue <> replace(l.name, 'task-scheduler', 'shell')`,
  'a lane with more than its slots': `SELECT l.name FROM job j JOIN lane l ON l.id = j.lane_id WHERE j.state = 'started'
     GROUP BY l.id HAVING count(*) > l.max_running`,
  'a history with a gap': `SELECT * FROM (SELECT job_id, from_state, lag(to_state) OVER (PARTITION BY job_id ORDER BY id) AS before FROM job_transition) t
     WHERE before IS DISTINCT FROM from_state`,
  'rows of a task that is gone': `SELECT job_id FROM (SELECT job_id FROM graph_task UNION SELECT job_id FROM graph_wait UNION SELECT job_id FROM graph_edge) r
     WHERE NOT EXISTS (SELECT FROM job WHERE id = r.job_id)`,
  'a wrong reason': `SELECT id, state, wait_reason FROM job WHERE wait_reason IS DISTINCT FROM 'Dependency' AND state = 'pending'
     OR state = 'scheduled' AND wait_reason NOT IN ('RunAt', 'Backoff') OR state IN ('queued', 'started') AND wait_reason IS NOT NULL`,
  'ends that were told or counted another time': `SELECT * FROM (SELECT sum(completed) AS completed, sum(failed) AS failed FROM graph_hour) h
     WHERE completed <> (SELECT count(*) FROM delivery WHERE event = 'task.completed') OR failed <> (SELECT count(*) FROM delivery WHERE event = 'task.failed')`,
} as const;

describe('graph tasks with which everybody does whatever comes to mind', () => {
  let engine: TestEngine;
  let graphs: Graphs;
  let client: { id: number; name: string };
  const ids: string[] = [];
  const works: ClaimedWork[] = [];
  const refused = new Set<string>();

  beforeAll(async () => {
    engine = await TestEngine.start();
    graphs = new Graphs(engine);
    client = await engine.client();
    await engine.query(`INSERT INTO webhook (client_id, url, events) VALUES ($1, 'http://127.0.0.1:9/', $2)`, [
      client.id,
      EVENTS,
    ]);
    await engine.query(`UPDATE lane SET max_running = 30 WHERE name = 'task-scheduler'`);
  });
  afterAll(() => engine.stop());

  /** Mostly one of the newest. */
  const any = () => pick(below(10) < 7 ? ids.slice(-40) : ids);
  const dependencies = () => (ids.length === 0 ? [] : Array.from({ length: below(4) }, any));
  const workerTags = () => (below(4) === 0 ? [pick(['a', 'b'])] : []);
  const soon = () => (below(4) === 0 ? new Date(Date.now() + below(1_000)) : null);
  const heard = (answer: object) => ('refused' in answer ? refused.add(String(answer.refused)) : undefined);
  const touch = (set: string, table: string, which: string) =>
    engine.query(
      `UPDATE ${table} SET ${set} WHERE id IN (SELECT id FROM ${table} WHERE ${which} ORDER BY random() LIMIT 3 FOR UPDATE SKIP LOCKED)`,
    );

  const create = async () => {
    const fields = { dependencies: dependencies(), workerTags: workerTags(), scheduledAt: soon() };
    const answer = await graphs.tasks.create(
      client,
      graphs.newTask({ ...fields, maxRetries: below(3), priority: 1 + below(10) }),
    );
    if ('task' in answer) ids.push(answer.task.id);
    else heard(answer);
  };
  const report = async () => {
    const outcome = () =>
      pick([
        ...Array.from({ length: 7 }, () => ({ state: 'succeeded' as const, output: { result: 'x' } })),
        ...[1, 2].map(() => ({ state: 'failed' as const, error: 'exit code 1', retryable: true })),
        { state: 'released' as const },
      ]);
    const some = works.splice(0, 1 + below(6));
    await engine.get(ReportExecutions).run(
      some.map((work) => {
        const lease = { executionId: work.executionId, token: work.token };
        return { lease, job: work.job, outcome: outcome(), lines: work.lines };
      }),
    );
  };
  const claim = async () => {
    const queue = pick(['shell', 'shell', 'shell', 'shell/a', 'shell/b']);
    works.push(...(await engine.get(ClaimExecutions).run({ queue, limit: 5, lastChance: true }, WORKER, 30)));
  };
  const often = [create, create, create, report, claim, () => graphs.admit()];
  const change = [
    async () => heard(await graphs.tasks.update(client, any(), { dependencies: dependencies() })),
    async () => heard(await graphs.tasks.update(client, any(), { workerTags: workerTags(), scheduledAt: soon() })),
    async () => heard(await graphs.tasks.update(client, any(), { priority: 1 + below(10), maxRetries: below(3) })),
    async () => heard(await graphs.tasks.retry(client, any())),
  ];
  const seldom = [
    async () => heard(await graphs.tasks.remove(client, any())),
    async () => heard(await graphs.tasks.cancel(client, any())),
    async () => {
      await touch(`lease_expires_at = now() - interval '1 s'`, 'execution', `state = 'running'`);
      await engine.get(ExpireLeases).run();
    },
    async () => {
      await touch(`run_at = now()`, 'job', `wait_reason = 'Backoff'`);
      await engine.get(ReleaseDue).run();
    },
    async () => {
      await touch(`finished_at = now() - interval '30 days'`, 'job', `finished_at IS NOT NULL`);
      await engine.get(RetainJobs).run(28);
    },
    () => engine.get(FoldTotals).fold(),
  ];

  it('keep what they promise, and nobody hears of a fault', async () => {
    await create();
    const until = Date.now() + LASTS_MS;
    const act = async () => {
      while (Date.now() < until) await pick(pick([often, often, change, change, seldom]))();
    };
    await Promise.all(Array.from({ length: ACTORS }, act));
    const found = await Promise.all(
      Object.entries(WRONG).map(async ([what, sql]) => ({ what, rows: (await engine.query(sql)).slice(0, 5) })),
    );
    expect(found.filter(({ rows }) => rows.length > 0)).toEqual([]);
    // it was not all the same
    const all = ['not_found', 'not_pending', 'needed', 'not_failed', 'finished'];
    expect([...refused]).toEqual(expect.arrayContaining(all));
    expect(await engine.query(`SELECT DISTINCT event FROM delivery`)).toHaveLength(EVENTS.length);
  });
});
