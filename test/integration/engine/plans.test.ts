import { createStores, type JobFilter, type Stores } from '@task-engine/database';
import { Client } from 'pg';
import { contentIdOf, fillJobs, openJobs, RARE_CLIENT } from '../../../bench/cost-fill';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { PlanRecorder } from './plans-recorder';

const JOBS = 100_000;
const OPEN = openJobs(JOBS);
/** Jobs of each kind: the filling puts them at its end in this order. */
const first = {
  queued: JOBS - OPEN.queued + 1,
  scheduled: JOBS - OPEN.queued - OPEN.scheduled + 1,
  started: JOBS - OPEN.queued - OPEN.scheduled - OPEN.started + 1,
  paused: JOBS - OPEN.queued - OPEN.scheduled - OPEN.started - OPEN.paused + 1,
};
const ids = (from: number, count: number) => Array.from({ length: count }, (_, n) => String(from + n));
const queued = ids(first.queued, 20);
const started = ids(first.started, 20);
const finished = ids(5_001, 20);
const leases = ids(1, 20).map((executionId) => ({ executionId, token: executionId }));

/** Tables that grow with the work: no statement reads one from end to end. */
const LARGE = ['job', 'task', 'execution', 'job_transition', 'job_log', 'job_search', 'delivery', 'delivery_attempt'];
const WORKER = '00000000-0000-4000-8000-000000000000';

interface Case {
  name: string;
  call: (stores: Stores) => Promise<unknown>;
  /** Indexes of which each must be used. */
  uses: string[];
  /** Rows that it may look at [1500]. */
  visits?: number;
}

/** Open jobs are looked at one by one where an order is about all of them: in the index and in the table, and some rows more. */
const ALL_OPEN = 2 * (OPEN.queued + OPEN.scheduled + OPEN.started + OPEN.paused) + 200;

const writing: Case[] = [
  { name: 'jobs.lock', call: ({ jobs }) => jobs.lock('5', 1, 1), uses: ['job_pkey'] },
  { name: 'jobs.find', call: ({ jobs }) => jobs.find('5'), uses: ['job_pkey'] },
  { name: 'jobs.findAll', call: ({ jobs }) => jobs.findAll(finished), uses: ['job_pkey'] },
  { name: 'jobs.lockAll', call: ({ jobs }) => jobs.lockAll(started), uses: ['job_pkey'] },
  { name: 'jobs.lockStates', call: ({ jobs }) => jobs.lockStates(started), uses: ['job_pkey'] },
  { name: 'jobs.lockOverdue', call: ({ jobs }) => jobs.lockOverdue(100), uses: ['job_started'] },
  { name: 'jobs.complete', call: ({ jobs }) => jobs.complete(started), uses: ['job_pkey'] },
  { name: 'jobs.fail', call: ({ jobs }) => jobs.fail(started[0]!, 'x'), uses: ['job_pkey'] },
  { name: 'jobs.break', call: ({ jobs }) => jobs.break(queued[0]!, 'x'), uses: ['job_pkey'] },
  { name: 'jobs.pause', call: ({ jobs }) => jobs.pause(queued[0]!), uses: ['job_pkey'] },
  { name: 'jobs.resume', call: ({ jobs }) => jobs.resume(String(first.paused)), uses: ['job_pkey|job_paused'] },
  { name: 'jobs.setPriority', call: ({ jobs }) => jobs.setPriority(queued[0]!, 1), uses: ['job_pkey'] },
  {
    name: 'jobs.stalled',
    call: ({ jobs }) => jobs.stalled(5, 1_000),
    uses: ['job_started', 'execution_job|execution_live'],
    visits: 5_000,
  },
  { name: 'jobs.lockFinished', call: ({ jobs }) => jobs.lockFinished(28, 50), uses: ['job_finished'] },
  { name: 'jobs.delete', call: ({ jobs }) => jobs.delete(finished), uses: ['job_pkey'] },
  { name: 'admission.queued', call: ({ admission }) => admission.queued(1, 200), uses: ['job_dispatch'] },
  {
    name: 'admission.queued beside a client with a cap',
    call: ({ admission }) => admission.queued(1, 20),
    uses: ['job_dispatch'],
  },
  { name: 'admission.find', call: ({ admission }) => admission.find(queued), uses: ['job_pkey'] },
  { name: 'admission.occupancy', call: ({ admission }) => admission.occupancy(1), uses: ['job_started|job_state'] },
  {
    name: 'admission.cappedClients',
    call: ({ admission }) => admission.cappedClients(),
    uses: ['job_started|job_client'],
  },
  {
    name: 'admission.cappedClients of a client with half of all jobs, among several lanes',
    call: async ({ admission, clients, lanes }) => {
      for (const name of ['containers/a', 'containers/b']) await lanes.ensure(name, 5);
      await clients.configure((await clients.find('demo-client'))!.id, { maxRunning: 5 });
      return admission.cappedClients();
    },
    uses: ['job_started|job_client'],
  },
  { name: 'admission.start', call: ({ admission }) => admission.start(queued), uses: ['job_pkey'] },
  {
    name: 'lanes.withQueuedJobs',
    call: ({ lanes }) => lanes.withQueuedJobs(),
    uses: ['job_dispatch|job_state'],
  },
  {
    name: 'tasks.ofJobs',
    call: ({ tasks }) => tasks.ofJobs(started),
    uses: ['task_job_id_ordinal_key'],
  },
  {
    name: 'tasks.failOpen',
    call: ({ tasks }) => tasks.failOpen(started[0]!, 'x'),
    uses: ['task_job_id_ordinal_key'],
  },
  {
    name: 'executions.claim of a queue',
    call: ({ executions }) => executions.claim({ queue: 'work', limit: 20, lastChance: true }, WORKER, 10),
    uses: ['execution_queue', 'execution_last_chance', 'execution_pkey'],
  },
  {
    name: 'executions.claim of some',
    call: ({ executions }) => executions.claim({ executionIds: ids(1, 20), lastChance: true }, WORKER, 10),
    uses: ['execution_pkey'],
  },
  {
    name: 'executions.heartbeat',
    call: ({ executions }) => executions.heartbeat(leases, 10),
    uses: ['execution_pkey'],
  },
  {
    name: 'executions.end',
    call: ({ executions }) => executions.end(leases.map((lease) => ({ ...lease, state: 'succeeded', error: null }))),
    uses: ['execution_pkey'],
  },
  {
    name: 'deliveries.claim',
    call: ({ deliveries }) =>
      deliveries.claim({
        limit: 10,
        perOrigin: 2,
        busy: new Map(),
        ample: 5,
        leaseSeconds: 10,
        lines: { common: 'x', client: 'y' },
      }),
    uses: ['delivery_origin'],
  },
  { name: 'executions.park', call: ({ executions }) => executions.park(started[0]!), uses: ['execution_job'] },
  { name: 'executions.unpark', call: ({ executions }) => executions.unpark(started), uses: ['execution_job'] },
  {
    name: 'executions.nextAvailable',
    call: ({ executions }) => executions.nextAvailable('work'),
    uses: ['execution_queue'],
  },
  { name: 'executions.late', call: ({ executions }) => executions.late(100), uses: ['execution_lease'] },
  { name: 'executions.expire', call: ({ executions }) => executions.expire(ids(1, 20)), uses: ['execution_pkey'] },
  { name: 'executions.stop', call: ({ executions }) => executions.stop(started[0]!), uses: ['execution_job'] },
  {
    name: 'executions.oldest',
    call: ({ executions }) => executions.oldest(),
    uses: ['execution_queue|execution_live'],
  },
  { name: 'executions.nextExpiry', call: ({ executions }) => executions.nextExpiry(), uses: ['execution_lease'] },
  {
    name: 'dueJobs.reschedule',
    call: ({ dueJobs }) => dueJobs.reschedule(String(first.scheduled), { runAt: new Date('2037-01-01') }),
    uses: ['job_pkey'],
  },
  { name: 'dueJobs.releaseDue', call: ({ dueJobs }) => dueJobs.releaseDue(1_000), uses: ['job_due'] },
  { name: 'dueJobs.takeDueSemaphores', call: ({ dueJobs }) => dueJobs.takeDueSemaphores(1_000, 30), uses: ['job_due'] },
  { name: 'dueJobs.nextDue', call: ({ dueJobs }) => dueJobs.nextDue(), uses: ['job_due'] },
  {
    name: 'deliveries.expire',
    call: ({ deliveries }) => deliveries.expire(100, 12),
    uses: ['delivery_lease|delivery_open'],
  },
  {
    name: 'deliveries.secondsToNextDue',
    call: ({ deliveries }) => deliveries.secondsToNextDue(),
    uses: ['delivery_due', 'delivery_lease'],
  },
  {
    name: 'deliveries.backlog',
    call: ({ deliveries }) => deliveries.backlog(),
    uses: ['delivery_due|delivery_origin', 'delivery_lease'],
  },
  {
    name: 'deliveries.list of the failed',
    call: ({ deliveries }) => deliveries.list({ state: 'exhausted', limit: 50 }),
    uses: ['delivery_failed'],
  },
  {
    name: 'deliveries.list of a job',
    call: ({ deliveries }) => deliveries.list({ jobId: '500', limit: 50 }),
    uses: ['delivery_job'],
  },
  { name: 'jobQueries.find', call: ({ jobQueries }) => jobQueries.find(1, '5'), uses: ['job_pkey'] },
  { name: 'jobQueries.log', call: ({ jobQueries }) => jobQueries.log('5', false), uses: ['job_log_pkey'] },
  {
    name: 'jobQueries.open',
    call: ({ jobQueries }) => jobQueries.open(1, undefined, 100),
    uses: ['job_dispatch', 'job_started|job_state', 'job_scheduled|job_state'],
  },
  {
    name: 'statistics.read',
    call: ({ statistics }) => statistics.read(1),
    uses: ['job_transition_pkey', 'execution_pkey', 'task_failed|task_pkey'],
    visits: 5_000,
  },
  {
    name: 'totals.forget',
    call: async ({ totals }) => totals.forget(finished, await totals.lock()),
    uses: ['execution_job', 'task_job_id_ordinal_key', 'job_transition_job|job_transition_pkey'],
    visits: 5_000,
  },
  {
    name: 'totals.horizon',
    call: ({ totals }) => totals.horizon(),
    uses: ['job_pkey', 'job_transition_pkey', 'execution_pkey', 'task_pkey'],
  },
];

const DAY = 86_400_000;
const page: JobFilter = { laneId: 1, limit: 10, orderBy: 'id', ascending: false };
const list = (name: string, filter: Partial<JobFilter>, uses: string[], visits?: number): Case[] =>
  [false, true].map((ascending) => ({
    name: `jobQueries.list ${name}${ascending ? ', ascending' : ''}`,
    call: ({ jobQueries }) => jobQueries.list({ ...page, ...filter, ascending }),
    uses,
    visits,
  }));

const byFinish = (filter: Partial<JobFilter>) => [
  ...list('by workflow', { ...filter, orderBy: 'workflow' }, ['job_by_workflow'], ALL_OPEN),
  ...list('by priority', { ...filter, orderBy: 'priority' }, ['job_by_priority'], ALL_OPEN),
  ...list('by run_at', { ...filter, orderBy: 'runAt' }, ['job_by_run_at'], ALL_OPEN),
  ...list('by created_at', { ...filter, orderBy: 'createdAt' }, ['job_created'], ALL_OPEN),
  ...list('by updated_at', { ...filter, orderBy: 'updatedAt' }, ['job_by_updated'], ALL_OPEN),
];
const listing: Case[] = [
  ...list('without a filter', {}, ['job_state']),
  ...list('of one state', { states: ['completed'] }, ['job_state']),
  ...list('of the failed', { states: ['failed'] }, ['job_state']),
  ...list('of a client', { client: 'demo-client' }, ['job_client']),
  ...list('of a rare client', { client: RARE_CLIENT }, ['job_client']),
  ...list('of an unknown client', { client: 'nobody' }, []),
  ...list('of a client and a state', { client: 'demo-client', states: ['broken'] }, ['job_client']),
  ...list('to keep', { persist: true }, ['job_persist']),
  ...list('not to keep', { persist: false }, ['job_state']),
  ...list('not to keep, of a state that no job has', { persist: false, states: ['pending'] }, ['job_state']),
  ...list(
    'of a range of creation times',
    { from: new Date(Date.now() - 10 * DAY), before: new Date(Date.now() - 9 * DAY), orderBy: 'createdAt' },
    ['job_created'],
    ALL_OPEN,
  ),
  ...list('of ids', { ids: finished }, ['job_pkey']),
  ...list('by client', { orderBy: 'client' }, ['job_client'], 6_000),
  ...list('by state', { orderBy: 'state' }, ['job_state']),
  ...list('by failed', { orderBy: 'failed' }, ['job_state']),
  ...list('by position', { orderBy: 'position' }, ['job_state', 'job_moved']),
  ...list('by top_of_queue', { orderBy: 'topOfQueue' }, ['job_state', 'job_on_top']),
  ...byFinish({}),
  ...list('waiting, by updated_at', { states: ['queued'], orderBy: 'updatedAt' }, ['job_state|job_dispatch'], ALL_OPEN),
  ...list('of a content id', { search: contentIdOf(4_711) }, ['job_search_body'], 5_000),
  ...list(
    'of a content id, by priority',
    { search: contentIdOf(4_711), orderBy: 'priority' },
    ['job_search_body'],
    5_000,
  ),
  ...list('of a text that no job has', { search: 'never-there' }, ['job_search_body'], 5_000),
  ...list('of a text that every job has', { search: 'index.m3u8' }, ['job_search_pkey|job_pkey'], 5_000),
  ...list('of a text that a job in 300 has', { search: 'channel-7/' }, ['job_search_pkey'], 20_000).slice(0, 1),
];

describe(`statements among ${JOBS} jobs`, () => {
  let database: TestDatabase;
  let client: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.url });
    await client.connect();
    await fillJobs((text, parameters) => client.query(text, parameters), { jobs: JOBS, chunk: JOBS / 2, light: true });
    const query = async <Row>(text: string, parameters?: unknown[]) =>
      (await client.query(text, parameters)).rows as Row[];
    const { totals } = createStores({ query, prepared: query });
    const { ids: through } = await totals.horizon();
    await totals.fold(await totals.lock(), through);
    await client.query('VACUUM (ANALYZE) unsettled, counter');
  }, 180_000);

  beforeEach(() => client.query('BEGIN'));
  afterEach(() => client.query('ROLLBACK'));

  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  it.each([...writing, ...listing])('$name uses its index', async ({ call, uses, visits = 1_500 }) => {
    const recorder = new PlanRecorder(client);
    await call(createStores(recorder));
    expect(recorder.statements).not.toEqual([]);
    const large = recorder.statements.flatMap(({ scanned }) => scanned.filter((table) => LARGE.includes(table)));
    expect(large).toEqual([]);
    const used = new Set(recorder.statements.flatMap(({ indexes }) => indexes));
    for (const name of uses)
      expect([name, name.split('|').some((one) => used.has(one)) || [...used]]).toEqual([name, true]);
    expect(Math.max(...recorder.statements.map(({ visited }) => visited))).toBeLessThanOrEqual(visits);
  });

  it('refuses a search for so short a text that no index finds it, unless the newest jobs answer it', async () => {
    const { jobQueries } = createStores(new PlanRecorder(client));
    expect(await jobQueries.list({ ...page, search: 'm3' })).toHaveLength(10);
    const refusal = 'search needs three letters or digits in a row';
    await expect(jobQueries.list({ ...page, search: 'qj' })).rejects.toThrow(refusal);
    await expect(jobQueries.list({ ...page, search: 'm3', ascending: true })).rejects.toThrow(refusal);
  });

  it('counts the same as counting every row', async () => {
    const recorder = new PlanRecorder(client);
    const stores = createStores(recorder);
    // what lies behind the marks: finished, newly queued, broken
    await stores.jobs.complete(started);
    await stores.jobs.break(queued[0]!, 'x');
    await stores.tasks.failOpen(String(first.paused), 'x');
    await client.query(`UPDATE execution SET state = 'succeeded' WHERE job_id = $1`, [started[0]]);
    const read = async () => {
      const { jobs, tasksFailed, executionsEnded } = await stores.statistics.read(1);
      return { jobs, tasksFailed, executionsEnded };
    };
    const { rows } = await client.query<Awaited<ReturnType<typeof read>>>(
      `SELECT (SELECT jsonb_object_agg(state, n) FROM (SELECT state, count(*) AS n FROM job GROUP BY state) s) AS jobs,
              (SELECT count(*)::int FROM task WHERE state = 'failed') AS "tasksFailed",
              (SELECT count(*)::int FROM execution WHERE state IN ('succeeded', 'failed', 'lost')) AS "executionsEnded"`,
    );
    const counted = rows[0]!;
    expect(await read()).toEqual(counted);

    const { ids: through } = await stores.totals.horizon();
    await stores.totals.fold(await stores.totals.lock(), through);
    expect(await read()).toEqual(counted);
    await stores.totals.recount(await stores.totals.lock());
    expect(await read()).toEqual(counted);

    const gone = ids(1, 50);
    const { rows: left } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM job WHERE state = 'completed' AND NOT id = ANY($1::bigint[])`,
      [gone],
    );
    await stores.totals.forget(gone, await stores.totals.lock());
    await stores.jobs.delete(gone);
    const after = await read();
    expect(after.jobs.completed).toBe(left[0]!.n);
    expect(after.executionsEnded).toBe(counted.executionsEnded);
  });
});
