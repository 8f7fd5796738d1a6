import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Database } from '@task-engine/database';
import {
  AdmitJobs,
  ClaimExecutions,
  type ClaimedWork,
  EngineWorkers,
  GraphLanes,
  GraphTasks,
  HintSender,
  type NewGraphTask,
  Webhooks,
  WatchWorkers,
  WebhookEvents,
  WorkerRegistration,
} from '@task-engine/engine';
import { Log } from '@task-engine/platform';
import { eventually } from '../../support/eventually';
import { TestEngine } from '../../support/start-engine';

const TRAITS = { tags: ['gpu', 'eu'], dataDir: '/' };
const ALL = { offset: 0, limit: 100 };

let engine: TestEngine;
let workers: EngineWorkers;
const registrations: WorkerRegistration[] = [];

beforeEach(async () => {
  engine = await TestEngine.start();
  workers = engine.get(EngineWorkers);
});

afterEach(async () => {
  await Promise.all(registrations.splice(0).map((registration) => registration.stop()));
  await engine.stop();
});

/** A process of the suite. */
async function register(app = 'task-worker'): Promise<WorkerRegistration> {
  const parts = [engine.get(Database), engine.get(WebhookEvents), engine.get(HintSender), engine.get(Log)] as const;
  const registration = new WorkerRegistration(...parts);
  registrations.push(registration);
  await registration.start(app, [{ queue: 'shell', slots: 4 }], app === 'task-worker' ? TRAITS : undefined);
  return registration;
}

/** Nothing was heard of it for so long. */
async function silent(id: string, seconds: number): Promise<void> {
  await engine.query(`UPDATE worker SET last_seen_at = now() - make_interval(secs => $2) WHERE id = $1`, [id, seconds]);
}

/** What webhooks were told of workers, in order. */
async function told(): Promise<{ event: string; worker: Record<string, unknown> }[]> {
  const rows = await engine.query<{ body: string }>(`SELECT body FROM delivery WHERE kind = 'event' ORDER BY id`);
  return rows.map(({ body }) => JSON.parse(body) as { event: string; worker: Record<string, unknown> });
}

async function listen(): Promise<void> {
  const client = await engine.client();
  const events = ['worker.registered', 'worker.offline'] as const;
  await engine.get(Webhooks).create(client, { url: 'http://127.0.0.1:1/', events: [...events], secret: null });
}

const status = async (id: string) => (await workers.find(await engine.client(), id))?.status;

describe('a worker', () => {
  it('says who it is when it registers, and how busy its machine is with the next heartbeat', async () => {
    const { id, serve } = await register();
    expect(await workers.find(await engine.client(), id)).toEqual({
      id,
      hostname: hostname(),
      status: 'idle',
      tasksCompleted: 0,
      tasksFailed: 0,
      currentTasks: 0,
      currentTaskIds: [],
      lastHeartbeat: expect.any(Date) as Date,
      registeredAt: expect.any(Date) as Date,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      tags: ['gpu', 'eu'],
      resources: { cpu: null, memory: null, disk: null },
    });
    await serve.call(registrations[0], [{ queue: 'shell/gpu', slots: 4 }]);
    const { resources } = (await workers.find(await engine.client(), id))!;
    for (const share of [resources.memory, resources.disk]) {
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    const queues = await engine.query(`SELECT queue FROM worker_queue WHERE worker_id = $1 ORDER BY queue`, [id]);
    expect(queues).toEqual([{ queue: 'shell' }, { queue: 'shell/gpu' }]);
    await eventually(async () => expect((await workers.find(await engine.client(), id))!.resources.cpu).not.toBeNull());
  });

  it('is listed page by page, by status if wanted, and no other process is', async () => {
    const [one, two] = [await register(), await register()];
    const scheduler = await register('scheduler');
    await two.stop();
    const { workers: all, total } = await workers.list(ALL);
    expect([all.map(({ id, status: is }) => [id, is]), total]).toEqual([
      [
        [one.id, 'idle'],
        [two.id, 'offline'],
      ],
      2,
    ]);
    expect(await workers.list({ offset: 1, limit: 1 })).toMatchObject({ workers: [{ id: two.id }], total: 2 });
    expect(await workers.list({ ...ALL, status: 'offline' })).toMatchObject({ workers: [{ id: two.id }], total: 1 });
    expect(await workers.list({ ...ALL, status: 'active' })).toEqual({ workers: [], total: 0 });
    expect(await workers.find(await engine.client(), scheduler.id)).toBeUndefined();
    expect(await workers.tasks(await engine.client(), scheduler.id, ALL)).toBeUndefined();
    expect(await workers.find(await engine.client(), randomUUID())).toBeUndefined();
  });

  it('that stops is offline at once, told of once, and nobody counts on it; silent for 15 s it is too', async () => {
    await listen();
    const [one, two] = [await register(), await register()];
    const slots = async () => (await engine.stores.statistics.read(1)).queues.shell?.workers ?? 0;
    expect(await slots()).toBe(8);
    await one.stop();
    expect(await status(one.id)).toBe('offline');
    expect(await slots()).toBe(4);
    await silent(two.id, 14);
    expect(await status(two.id)).toBe('idle');
    await Promise.all([1, 2, 3].map(() => engine.get(WatchWorkers).run()));
    await silent(two.id, 16);
    expect(await status(two.id)).toBe('offline');
    // not while it may be that nobody could be heard
    expect(await engine.get(WatchWorkers).run(false)).toBe(0);
    expect(await engine.get(WatchWorkers).run()).toBe(1);
    expect(await engine.get(WatchWorkers).run()).toBe(0);
    expect((await told()).map(({ event, worker }) => [event, worker.id, worker.status])).toEqual([
      ['worker.registered', `worker-${one.id}`, 'idle'],
      ['worker.registered', `worker-${two.id}`, 'idle'],
      ['worker.offline', `worker-${one.id}`, 'offline'],
      ['worker.offline', `worker-${two.id}`, 'offline'],
    ]);
    expect((await told())[2]!.worker).toMatchObject({ hostname: hostname(), tags: ['gpu', 'eu'] });
  });

  it('that was only cut off is registered again when it is heard; until then each heartbeat tells nothing', async () => {
    await listen();
    const worker = await register();
    await worker.serve([]);
    expect((await told()).map(({ event }) => event)).toEqual(['worker.registered']);
    await silent(worker.id, 20);
    await engine.get(WatchWorkers).run();
    await worker.serve([]);
    expect(await status(worker.id)).toBe('idle');
    await worker.serve([]);
    expect((await told()).map(({ event }) => event)).toEqual([
      'worker.registered',
      'worker.offline',
      'worker.registered',
    ]);
    await silent(worker.id, 20);
    expect(await engine.get(WatchWorkers).run()).toBe(1);
  });

  it('finds as much to do as it has slots, however many there are; its lanes are never made narrower', async () => {
    await engine.get(GraphLanes).of(['task-scheduler']);
    const limits = async () =>
      (
        await engine.query<{ n: number }>(
          `SELECT max_running AS n FROM lane WHERE name LIKE 'task-scheduler%' ORDER BY id`,
        )
      ).map(({ n }) => n);
    const all = await Promise.all(Array.from({ length: 5 }, () => register()));
    await all[0]!.serve([{ queue: 'shell/task-scheduler', slots: 17 }]);
    await engine.get(WatchWorkers).run();
    expect(await limits()).toEqual([20, 17]);
    for (const worker of all) await worker.stop();
    await engine.get(WatchWorkers).run();
    expect(await limits()).toEqual([20, 17]);
  });

  it('is forgotten an hour after it fell silent, not before that was told', async () => {
    const worker = await register();
    await silent(worker.id, 3_601);
    await engine.stores.workers.deleteSilent();
    expect(await status(worker.id)).toBe('offline');
    await engine.get(WatchWorkers).run();
    await engine.stores.workers.deleteSilent();
    expect(await status(worker.id)).toBeUndefined();
  });
});

describe('the tasks of a worker', () => {
  const task = (name: string, more: Partial<NewGraphTask> = {}): NewGraphTask => ({
    name,
    description: null,
    priority: 5,
    maxRetries: 0,
    scheduledAt: null,
    timeoutSeconds: 60,
    tags: [],
    workerTags: [],
    dependencies: [],
    command: 'true',
    checkpointEnabled: false,
    ...more,
  });

  async function create(name: string, more?: Partial<NewGraphTask>): Promise<string> {
    const made = await engine.get(GraphTasks).create(await engine.client(), task(name, more));
    if (!('task' in made)) throw new Error(made.refused);
    return made.task.id;
  }

  /** Starts what may, and has the worker take up to `limit`. */
  async function take(workerId: string, limit = 10): Promise<ClaimedWork[]> {
    const { id } = (await engine.stores.lanes.findByName('task-scheduler'))!;
    await engine.get(AdmitJobs).run(id);
    return engine.get(ClaimExecutions).run({ queue: 'shell', limit, lastChance: true }, workerId, 10);
  }

  it('are those that it runs and that it ran last, with what became of them', async () => {
    const [one, two] = [await register(), await register()];
    const failing = await create('failing', { priority: 10 });
    const passing = await create('passing', { priority: 8, maxRetries: 1 });
    const [first, second] = await take(one.id, 2);
    expect(await workers.find(await engine.client(), one.id)).toMatchObject({
      status: 'active',
      currentTasks: 2,
      currentTaskIds: [failing, passing],
    });
    await engine.report(first!, { state: 'failed', error: 'exit code 1', retryable: true });
    await engine.report(second!, { state: 'succeeded', output: { result: 'x' } });
    const running = await create('running', { priority: 3 });
    await take(one.id);
    const { tasks, total } = (await workers.tasks(await engine.client(), one.id, ALL))!;
    expect(total).toBe(3);
    expect(tasks.map(({ startedAt, ...rest }) => [startedAt instanceof Date, rest])).toEqual([
      [true, { id: running, name: 'running', status: 'running', priority: 3 }],
      [true, { id: passing, name: 'passing', status: 'completed', priority: 8 }],
      [true, { id: failing, name: 'failing', status: 'failed', priority: 10 }],
    ]);
    expect(await workers.tasks(await engine.client(), one.id, { ...ALL, status: 'failed' })).toMatchObject({
      total: 1,
    });
    expect(await workers.tasks(await engine.client(), one.id, { offset: 1, limit: 1 })).toMatchObject({
      tasks: [{ id: passing }],
      total: 3,
    });
    expect(await workers.tasks(await engine.client(), two.id, ALL)).toEqual({ tasks: [], total: 0 });
    expect(await workers.find(await engine.client(), one.id)).toMatchObject({
      tasksCompleted: 1,
      tasksFailed: 1,
      currentTasks: 1,
    });
  });

  it('are no longer its own when another worker has them, or when they are begun anew', async () => {
    const [one, two] = [await register(), await register()];
    const id = await create('handed back');
    const [work] = await take(one.id);
    await engine.report(work!, { state: 'released' });
    expect(await workers.tasks(await engine.client(), one.id, ALL)).toEqual({ tasks: [], total: 0 });
    const [again] = await take(two.id);
    expect(await workers.tasks(await engine.client(), one.id, ALL)).toEqual({ tasks: [], total: 0 });
    await engine.report(again!, { state: 'failed', error: 'exit code 1', retryable: true });
    expect(await workers.tasks(await engine.client(), two.id, ALL)).toMatchObject({
      tasks: [{ id, status: 'failed' }],
      total: 1,
    });
    await engine.get(GraphTasks).retry(await engine.client(), id);
    expect(await workers.tasks(await engine.client(), two.id, ALL)).toEqual({ tasks: [], total: 0 });
  });
});
