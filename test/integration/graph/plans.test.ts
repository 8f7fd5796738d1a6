import { createStores, PLANNER, type Stores } from '@task-engine/database';
import { Client } from 'pg';
import { WORKER } from '../../support/start-engine';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { PlanRecorder } from '../engine/plans-recorder';

const TASKS = 40_000;
/** The newest of them, by state. */
const OPEN = { pending: 1_000, queued: 300, scheduled: 300, started: 20 };
const ALL_OPEN = OPEN.pending + OPEN.queued + OPEN.scheduled + OPEN.started;

const started = String(TASKS);
const pending = String(TASKS - ALL_OPEN + OPEN.pending / 2);
const failed = '50';
/** Tables that grow with the work: no statement reads one from end to end. */
const LARGE = ['job', 'task', 'execution', 'job_transition', 'job_log', 'graph_task', 'graph_edge', 'graph_wait'];

/** A month of them, one after the other: most have completed, the newest are open. $1: how many. */
const FILL = [
  `CREATE TEMP TABLE made AS
   SELECT i, now() - interval '29 days' * (($1::int - i + 1)::float8 / $1) AS at, (i % 30 = 0)::int AS own,
     CASE WHEN i > $1 - ${OPEN.started} THEN 'started' WHEN i > $1 - ${OPEN.started + OPEN.queued} THEN 'queued'
          WHEN i > $1 - ${ALL_OPEN - OPEN.pending} THEN 'scheduled' WHEN i > $1 - ${ALL_OPEN} THEN 'pending'
          WHEN i % 50 = 0 THEN 'failed' WHEN i % 101 = 0 THEN 'broken' ELSE 'completed' END AS state FROM generate_series(1, $1) AS i`,
  `INSERT INTO client (name) VALUES ('large'), ('small')`,
  `INSERT INTO worker (id, app, host, pid) VALUES ('${WORKER}', 'task-worker', 'host', 1)`,
  `INSERT INTO job (id, lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, wait_reason, run_at, created_at,
                    updated_at, started_at, finished_at)
   SELECT i, (SELECT id FROM lane WHERE name = 'task-scheduler'), (SELECT min(id) + own FROM client), 'shell', 'd', '{}', '{"name": "a task"}',
          1 + i % 10, state, CASE state WHEN 'pending' THEN 'Dependency' WHEN 'scheduled' THEN 'RunAt' END, at, at, at,
          CASE WHEN state NOT IN ('pending', 'queued', 'scheduled') THEN at END, CASE WHEN state IN ('completed', 'failed', 'broken') THEN at END
   FROM made ORDER BY i`,
  `INSERT INTO graph_task (job_id, client_id, name, command, max_retries, timeout_seconds, tags, worker_tags, dependencies, checkpoint_enabled)
   SELECT i, (SELECT min(id) + own FROM client), 'task ' || i, 'true', 3, 60, ARRAY['tag' || i % 100], '{}',
          CASE state WHEN 'pending' THEN ARRAY[i - 1, i - 2] ELSE '{}' END, true FROM made ORDER BY i`,
  `INSERT INTO graph_edge (parent_id, job_id) SELECT i - back, i FROM made, generate_series(1, 2) AS back WHERE state = 'pending'`,
  `INSERT INTO graph_wait (job_id, unmet) SELECT i, 2 FROM made WHERE state = 'pending'`,
  `INSERT INTO task (id, job_id, ordinal, name, queue, state, output, started_at, finished_at) OVERRIDING SYSTEM VALUE
   SELECT i, i, 0, 'shell', 'shell', CASE WHEN state IN ('completed', 'started') THEN state ELSE 'failed' END, '{}', at,
          CASE WHEN state <> 'started' THEN at END FROM made WHERE state NOT IN ('pending', 'queued', 'scheduled') ORDER BY i`,
  `INSERT INTO execution (task_id, job_id, queue, state, cause, token, worker_id, available_at, lease_expires_at, started_at, finished_at)
   SELECT i, i, 'shell', CASE state WHEN 'completed' THEN 'succeeded' WHEN 'started' THEN 'running' ELSE 'failed' END, 'first', i, '${WORKER}', at,
          CASE WHEN state = 'started' THEN now() + interval '1 day' END, at, CASE WHEN state <> 'started' THEN at END
   FROM made WHERE state NOT IN ('pending', 'queued', 'scheduled') ORDER BY i`,
  `INSERT INTO job_transition (job_id, to_state, reason) SELECT i, state, 'submitted' FROM made ORDER BY i`,
  `INSERT INTO graph_hour (hour, worker_id, completed, failed, run_seconds)
   SELECT date_trunc('hour', now(), 'UTC') - make_interval(hours => n), '${WORKER}', 100, 3, 1000 FROM generate_series(0, 9599) AS n`,
  `VACUUM (ANALYZE)`,
];

interface Case {
  name: string;
  call: (stores: Stores, client: number) => Promise<unknown>;
  /** Rows that one of its statements may look at [100]. */
  visits?: number;
}

const page = { sort: 'created_at', descending: true, offset: 0, limit: 20 } as const;

const cases: Case[] = [
  { name: 'find', call: ({ graphLists }, client) => graphLists.find(started, client) },
  {
    name: 'list of the newest',
    call: ({ graphLists }, clientId) => graphLists.list({ ...page, clientId }),
    visits: 200,
  },
  {
    name: 'list of a page far behind: what it leaves out is counted in the index alone',
    call: ({ graphLists }, clientId) => graphLists.list({ ...page, clientId, offset: TASKS / 2 }),
    visits: TASKS / 2 + 200,
  },
  {
    name: 'list of those that run',
    call: ({ graphLists }, clientId) => graphLists.list({ ...page, clientId, status: 'running', sort: 'started_at' }),
    visits: 300,
  },
  {
    name: 'list of those that wait, by priority',
    call: ({ graphLists }, clientId) => graphLists.list({ ...page, clientId, status: 'pending', sort: 'priority' }),
    visits: 5 * ALL_OPEN,
  },
  {
    name: 'count of those that run',
    call: ({ graphLists }, clientId) => graphLists.count({ ...page, clientId, status: 'running' }),
    visits: 200,
  },
  {
    name: 'count of a tag',
    call: ({ graphLists }, clientId) => graphLists.count({ ...page, clientId, tag: 'tag7' }),
    visits: 2 * (TASKS / 100) + 100,
  },
  { name: 'blockers', call: ({ graphLists }) => graphLists.blockers(pending) },
  { name: 'waitingFor', call: ({ graphLists }) => graphLists.waitingFor(pending, 100) },
  {
    name: 'among',
    call: ({ graphLists }) => graphLists.among([started], pending),
    visits: 6 * OPEN.pending,
  },
  { name: 'log', call: ({ graphLists }) => graphLists.log(started, { limit: 100, offset: 0 }) },
  { name: 'lockParents', call: ({ graphTasks }) => graphTasks.lockParents([failed, started]) },
  { name: 'lockParentsOf', call: ({ graphTasks }) => graphTasks.lockParentsOf(pending) },
  { name: 'release', call: ({ graphTasks }) => graphTasks.release([pending]) },
  { name: 'replaceEdges', call: ({ graphTasks }) => graphTasks.replaceEdges(pending, [started]) },
  { name: 'hold', call: ({ graphTasks }, client) => graphTasks.hold(pending, client) },
  { name: 'settle', call: ({ graphTasks }) => graphTasks.settle(pending, false) },
  { name: 'retry', call: ({ graphTasks }) => graphTasks.retry(failed, 3) },
  { name: 'backOff', call: ({ graphTasks }) => graphTasks.backOff([{ id: started, seconds: 1 }]) },
  { name: 'beginAnew', call: ({ graphTasks }) => graphTasks.beginAnew([started]) },
  {
    name: 'keepCheckpoint',
    call: ({ graphTasks }, clientId) => graphTasks.keepCheckpoint({ clientId }, started, { step: 1 }),
  },
  { name: 'graphHistory.count', call: ({ graphHistory }) => graphHistory.count([{ id: started, completed: true }]) },
  { name: 'forgetHours', call: ({ graphHistory }) => graphHistory.forgetHours(400) },
  { name: 'forgetEvents', call: ({ graphHistory }) => graphHistory.forgetEvents(28, 500) },
  { name: 'system.parts', call: ({ system }) => system.parts(), visits: 500 },
  { name: 'system.openGraphTasks', call: ({ system }) => system.openGraphTasks(), visits: 4 * ALL_OPEN },
  { name: 'system.sums of hours', call: ({ system }) => system.sums('hour', 24), visits: 200 },
  { name: 'system.sums of months', call: ({ system }) => system.sums('month', 12), visits: 20_000 },
  { name: 'engineWorkers.list', call: ({ engineWorkers }) => engineWorkers.list(undefined, { offset: 0, limit: 20 }) },
  { name: 'engineWorkers.find', call: ({ engineWorkers }, client) => engineWorkers.find(WORKER, client), visits: 200 },
  { name: 'engineWorkers.isServed', call: ({ engineWorkers }) => engineWorkers.isServed('shell') },
  { name: 'engineWorkers.withWork', call: ({ engineWorkers }) => engineWorkers.withWork(['shell', 'shell/a'], 1) },
];

describe(`statements among ${TASKS} graph tasks`, () => {
  let database: TestDatabase;
  let client: Client;
  let large: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    // as all connections of the engine are
    client = new Client({ connectionString: database.url, options: PLANNER });
    await client.connect();
    // foreign keys are not checked while it is filled
    await client.query(`SET session_replication_role = replica`);
    for (const statement of FILL)
      await client.query(statement.replaceAll('$1::int', `${TASKS}`).replaceAll('$1', `${TASKS}`));
    await client.query(`SET session_replication_role = origin`);
    large = (await client.query<{ id: number }>(`SELECT min(id) AS id FROM client`)).rows[0]!.id;
  }, 120_000);

  beforeEach(() => client.query('BEGIN'));
  afterEach(() => client.query('ROLLBACK'));

  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  it.each(cases)('$name', async ({ call, visits = 100 }) => {
    const recorder = new PlanRecorder(client);
    await call(createStores(recorder), large);
    expect(recorder.statements).not.toEqual([]);
    expect(recorder.statements.flatMap(({ scanned }) => scanned.filter((table) => LARGE.includes(table)))).toEqual([]);
    expect(Math.max(...recorder.statements.map(({ visited }) => visited))).toBeLessThanOrEqual(visits);
  });
});
