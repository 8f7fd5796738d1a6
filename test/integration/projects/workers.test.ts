import { randomBytes } from 'node:crypto';
import { type Manager, Managers, ProjectAccess, Projects, PullWorkers, WorkerLogs } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';

const NOTHING = 99_999_999_999n;

describe('pull workers', () => {
  let engine: TestEngine;
  let workers: PullWorkers;
  let access: ProjectAccess;
  let creator: Manager;

  beforeAll(async () => {
    engine = await TestEngine.start();
    workers = engine.get(PullWorkers);
    access = engine.get(ProjectAccess);
    creator = ((await engine.get(Managers).register('creator', 'password', 60)) as { manager: Manager }).manager;
  });
  afterAll(() => engine.stop());

  async function project(name: string, isPublic = false): Promise<bigint> {
    const made = await engine.get(Projects).create(
      {
        name,
        cloneUrl: '',
        gitRepo: '',
        version: '',
        priority: 0n,
        motd: '',
        public: isPublic,
        hidden: false,
        chainId: null,
        assignRate: null,
        submitRate: null,
      },
      creator,
    );
    return BigInt((made as { id: number }).id);
  }

  it('are known by id and secret', async () => {
    const worker = await workers.create('one');
    expect(worker).toMatchObject({ alias: 'one', paused: false, closedTasks: 0n });
    expect(worker.secret).toHaveLength(32);
    expect(await workers.find(BigInt(worker.id))).toEqual(worker);
    const id = BigInt(worker.id);
    // twice: looked up, then remembered
    for (let i = 0; i < 2; i += 1) {
      expect(await workers.authenticate(id, worker.secret)).toEqual(worker);
      expect(await workers.authenticate(id, randomBytes(32))).toBe('wrong_secret');
      expect(await workers.authenticate(id, worker.secret.subarray(1))).toBe('wrong_secret');
      expect(await workers.authenticate(id, Buffer.concat([worker.secret, Buffer.of(0)]))).toBe('wrong_secret');
      expect(await workers.authenticate(id, Buffer.alloc(0))).toBe('wrong_secret');
      for (const nobody of [0n, -1n, id + 1_000n, NOTHING, 2n ** 63n - 1n])
        expect(await workers.authenticate(nobody, worker.secret)).toBe('unknown');
    }
  });

  it('are renamed and paused at once for those who were remembered', async () => {
    const worker = await workers.create('before');
    const id = BigInt(worker.id);
    await workers.authenticate(id, worker.secret);
    expect(await workers.rename(worker.id, 'after')).toBe(true);
    expect(await workers.authenticate(id, worker.secret)).toMatchObject({ alias: 'after', paused: false });
    expect(await workers.setPaused(id, true)).toBe(true);
    expect(await workers.authenticate(id, worker.secret)).toMatchObject({ alias: 'after', paused: true });
    expect(await workers.rename(worker.id, '')).toBe(true);
    expect(await workers.find(id)).toMatchObject({ alias: '', paused: true });
    expect(await workers.setPaused(NOTHING, true)).toBe(false);
    expect(await workers.all()).toContainEqual({ ...worker, alias: '', paused: true });
  });

  it('have access to a project once what they asked for is granted, and until it is taken away', async () => {
    const id = await project('access');
    const [one, two] = [await workers.create('b'), await workers.create('a')];
    expect(await access.request(one.id, id, { assign: true, submit: false })).toBe(true);
    expect(await access.request(one.id, id, { assign: true, submit: true })).toBe(false);
    expect(await access.request(two.id, id, { assign: false, submit: true })).toBe(true);
    expect(await access.request(one.id, NOTHING, { assign: true, submit: true })).toBe(false);
    const shown = async () =>
      (await access.list(id)).map(({ worker, assign, submit, pending, projectId }) => [
        worker.alias,
        assign,
        submit,
        pending,
        BigInt(projectId) === id,
      ]);
    expect(await shown()).toEqual([
      ['a', false, true, true, true],
      ['b', true, false, true, true],
    ]);
    expect(await access.mayReadSecret(one.id, id)).toBe(false);
    expect(await access.accept(id, BigInt(one.id))).toBe(true);
    expect(await access.accept(id, BigInt(one.id))).toBe(true);
    expect(await shown()).toEqual([
      ['b', true, false, false, true],
      ['a', false, true, true, true],
    ]);
    expect(await access.mayReadSecret(one.id, id)).toBe(true);
    expect(await access.accept(id, BigInt(two.id))).toBe(true);
    expect(await access.mayReadSecret(two.id, id)).toBe(false);
    expect(await access.reject(id, BigInt(one.id))).toBe(true);
    expect(await access.reject(id, BigInt(one.id))).toBe(false);
    expect(await access.mayReadSecret(one.id, id)).toBe(false);
    expect(await access.request(one.id, id, { assign: true, submit: true })).toBe(true);
    for (const change of [access.accept, access.reject]) {
      expect(await change.call(access, NOTHING, BigInt(one.id))).toBe(false);
      expect(await change.call(access, id, NOTHING)).toBe(false);
    }
    expect(await access.mayReadSecret(one.id, NOTHING)).toBe(false);
    expect(await access.list(NOTHING)).toEqual([]);
  });

  it('of 20 requests for access at once, one is kept', async () => {
    const id = await project('at once', true);
    const worker = await workers.create('eager');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => access.request(worker.id, id, { assign: true, submit: true })),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
  });

  it('write lines that are read by level from a time on, the newest first and no more than 1,000', async () => {
    const logs = engine.get(WorkerLogs);
    const { id: workerId } = await workers.create('writer');
    const write = (loggedAt: bigint, message: string, level = 5) =>
      logs.write({ workerId, level, scope: 'scope', message, loggedAt });
    await write(10n, 'first');
    await write(11n, 'second');
    await write(11n, 'third');
    await write(12n, 'other level', 3);
    await write(9_223_372_036_854_775_807n, 'last');
    const read = async (since: bigint, level: bigint) => (await logs.since(since, level)).map(({ message }) => message);
    expect(await read(9n, 5n)).toEqual(['last', 'third', 'second', 'first']);
    expect(await read(10n, 5n)).toEqual(['last', 'third', 'second']);
    expect(await logs.since(1n, 3n)).toEqual([
      { workerId, level: 3, scope: 'scope', message: 'other level', loggedAt: 12n },
    ]);
    for (const level of [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]) expect(await read(1n, level)).toEqual([]);
    expect(await read(2n ** 63n - 1n, 5n)).toEqual([]);
    await engine.query(
      `INSERT INTO worker_log (worker_id, level, scope, message, logged_at) SELECT $1, 4, '', n::text, n FROM generate_series(1, 1500) n`,
      [workerId],
    );
    const newest = await read(1n, 4n);
    expect(newest).toHaveLength(1_000);
    expect([newest[0], newest[999]]).toEqual(['1500', '501']);
  });
});
