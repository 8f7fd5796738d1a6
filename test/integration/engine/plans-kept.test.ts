import { createDataSource, Database, type Stores } from '@task-engine/database';
import { TestEngine, WORKER } from '../../support/start-engine';

const ID = '3';
const LEASE = { executionId: ID, token: '1' };
const LINE = { jobId: ID, progname: 'api', message: 'x' } as const;

/** Calls of the hot path with a batch of one, as a lone job makes them. */
const calls: Record<string, (stores: Stores, round: number) => Promise<unknown>> = {
  'clients.keyHashes': ({ clients }) => clients.keyHashes(['demo-client']),
  'admission.queued': ({ admission }) => admission.queued(1, 500),
  'admission.occupancy': ({ admission }) => admission.occupancy(1),
  'admission.cappedClients': ({ admission }) => admission.cappedClients(),
  'admission.start': ({ admission }) => admission.start([ID]),
  'lanes.lock': ({ lanes }) => lanes.lock(1),
  'lanes.tryLock': ({ lanes }) => lanes.tryLock(1),
  'jobs.lockAll': ({ jobs }) => jobs.lockAll([ID]),
  'jobs.lockStates': ({ jobs }) => jobs.lockStates([ID]),
  'jobs.complete': ({ jobs }) => jobs.complete([ID]),
  'tasks.insert': ({ tasks }, n) =>
    tasks.insert([{ jobId: ID, ordinal: 10 + n, name: 'x', queue: 'work', state: 'waiting', error: null }]),
  'tasks.complete': ({ tasks }) => tasks.complete([{ id: ID, output: {} }]),
  'executions.claim': ({ executions }) => executions.claim({ queue: 'work', limit: 1, lastChance: true }, WORKER, 10),
  'executions.heartbeat': ({ executions }) => executions.heartbeat([LEASE], 10),
  'executions.end': ({ executions }) => executions.end([{ ...LEASE, state: 'succeeded', error: null }]),
  'executions.nextAvailable': ({ executions }) => executions.nextAvailable('work'),
  'webhooks.subscribers': ({ webhooks }) => webhooks.subscribers([1], ['task.started']),
  'graphHistory.count': ({ graphHistory }) => graphHistory.count([{ id: ID, completed: true }]),
  'graphTasks.release': ({ graphTasks }) => graphTasks.release([ID]),
  'pullTasks.countClosed': ({ pullTasks }) => pullTasks.countClosed([{ projectId: 1, workerId: 1 }]),
  'jobLog.append': ({ jobLog }) => jobLog.append([LINE]),
  'jobLog.append to locked jobs': ({ jobLog }) => jobLog.append([LINE], { jobsLocked: true }),
};

/** Of these PostgreSQL makes a plan of its own, before it compares. */
const TRIALS = 5;

describe('a statement of the hot path', () => {
  it.each(Object.entries(calls))('%s is planned once for a connection, and not at each call', async (name, call) => {
    const engine = await TestEngine.start();
    for (let n = 0; n < 5; n += 1) await engine.submit('noop');
    const source = await createDataSource({ url: engine.url, poolSize: 1 }).initialize();
    try {
      const { stores } = new Database(source);
      for (let round = 0; round < 3 * TRIALS; round += 1) await call(stores, round);
      const plans = await source.query<unknown[]>(
        `SELECT custom_plans::int AS custom, generic_plans::int AS kept FROM pg_prepared_statements WHERE name LIKE 's%'`,
      );
      // without parameters there is nothing to try
      const trials = name === 'admission.cappedClients' ? 0 : TRIALS;
      expect(plans).not.toEqual([]);
      for (const plan of plans) expect(plan).toEqual({ custom: trials, kept: 3 * TRIALS - trials });
    } finally {
      await source.destroy();
      await engine.stop();
    }
  });
});
