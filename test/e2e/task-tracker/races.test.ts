import { startSuite, type TestSuite } from '../../support/start-suite';
import { TaskTrackerClient, type WorkerClient } from './task-tracker-client';

const WORKERS = 20;

describe('many at a time', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: TaskTrackerClient;
  let workers: WorkerClient[];
  let project: number;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'], replicas: { 'api-gateway': 2 } });
    const urls = suite.suite.members.filter(({ app }) => app === 'api-gateway').map(({ url }) => url);
    guest = new TaskTrackerClient(urls[0]!);
    admin = await guest.manager('ann');
    // half of them at the other gateway
    const gateways = urls.map((url) => new TaskTrackerClient(url));
    workers = await Promise.all(Array.from({ length: WORKERS }, (_, n) => gateways[n % 2]!.worker(`w${n}`)));
  });

  beforeEach(async () => {
    project = await admin.project({ public: true });
    await Promise.all(workers.map((worker) => admin.grant(worker, project, { submit: true })));
  });

  afterAll(() => suite?.stop());

  const submitMany = async (count: number, fields: object = {}): Promise<number[]> => {
    const requests = Array.from({ length: count }, () => ({ project, recipe: 'r', max_assign_time: 3_600, ...fields }));
    return (await workers[0]!.accepted('/task/bulk_submit', { requests })).content.ids;
  };

  /** What each of them took until there was nothing left. */
  const drain = (after: (worker: WorkerClient, id: number) => Promise<unknown>) =>
    Promise.all(
      workers.map(async (worker) => {
        const taken: number[] = [];
        for (let task = await worker.take(project); task; task = await worker.take(project)) {
          taken.push(task.id);
          await after(worker, task.id);
        }
        return taken;
      }),
    );

  it('20 workers on two gateways get and release: no task twice, none lost', async () => {
    const ids = await submitMany(600);
    const taken = (await drain(async (worker, id) => expect(await worker.release(id)).toBe(true))).flat();
    expect(taken).toHaveLength(ids.length);
    expect(new Set(taken)).toEqual(new Set(ids));
  });

  it('20 workers get without giving back: no task twice', async () => {
    const ids = await submitMany(200);
    const taken = (await drain(() => Promise.resolve())).flat();
    expect(taken.sort((a, b) => a - b)).toEqual([...ids].sort((a, b) => a - b));
  });

  it('of as many releases of one task at a time one counts', async () => {
    const [id] = await submitMany(1);
    await workers[0]!.take(project);
    const elsewhere = new TaskTrackerClient(workers[1]!.url, workers[0]!.headers);
    const answers = await Promise.all(
      Array.from({ length: WORKERS }, (_, n) =>
        (n % 2 ? elsewhere : workers[0]!).accepted('/task/release', { task_id: id, result: n % 3 }),
      ),
    );
    expect(answers.filter(({ content }) => content.updated)).toHaveLength(1);
  });

  it('of as many submissions with one hash at a time one is taken', async () => {
    const answers = await Promise.all(
      workers.map((worker) => worker.post('/task/submit', { project, recipe: 'r', unique_string: 'the same' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(WORKERS - 1).fill(400)]);
    expect((await drain(() => Promise.resolve())).flat()).toHaveLength(1);
  });

  it('bulks that share a hash are taken whole or not at all', async () => {
    const answers = await Promise.all(
      workers.map((worker, n) =>
        worker.post('/task/bulk_submit', {
          requests: Array.from({ length: 10 }, (_, entry) => ({
            project,
            recipe: `${n}`,
            hash64: entry === 5 ? 5 : 1_000 * (n + 1) + entry,
          })),
        }),
      ),
    );
    expect(answers.filter(({ body }) => body.ok)).toHaveLength(1);
    expect((await drain(() => Promise.resolve())).flat()).toHaveLength(10);
  });

  it('a task with three verifications is closed by the third who comes to the same, and nobody votes twice', async () => {
    const ids = await submitMany(10, { verification_count: 3 });
    let closed = 0;
    const taken: number[][] = workers.map(() => []);
    // a worker that finds nothing leaves, although another may give back what it has not voted for
    for (let round = 0; round < WORKERS && closed < ids.length; round += 1) {
      const more = await drain(async (worker, id) => {
        if (await worker.release(id, 0, 7)) closed += 1;
      });
      more.forEach((each, n) => taken[n]!.push(...each));
    }
    expect(closed).toBe(ids.length);
    for (const each of taken) expect(new Set(each).size).toBe(each.length);
    expect(taken.flat()).toHaveLength(3 * ids.length);
  });

  it('a rate holds over all gateways', async () => {
    const slow = await admin.project({ public: true, assign_rate: 0.01 });
    const answers = await Promise.all(workers.map((worker) => worker.get(`/task/get/${slow}`)));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(WORKERS - 1);
  });

  it('a hard reset among them leaves nothing behind, and whoever had a task finds it gone', async () => {
    await submitMany(100);
    const held = await Promise.all(workers.map(async (worker) => (await worker.take(project)).id as number));
    const [reset, ...released] = await Promise.all([
      admin.accepted(`/project/hard_reset/${project}`),
      ...workers.map((worker, n) => worker.release(held[n]!)),
    ]);
    expect(reset.content.affected_tasks + released.filter((updated) => updated === true).length).toBe(100);
    expect(await workers[0]!.take(project)).toBeUndefined();
  });
});
