import {
  FoldTotals,
  type NewPullTask,
  ProjectMonitor,
  ProjectUpkeep,
  PullSteps,
  PullTasks,
  ReadHealth,
  RetainJobs,
} from '@task-engine/engine';
import { Database } from '@task-engine/database';
import { eventually } from '../../support/eventually';
import { TestEngine } from '../../support/start-engine';
import { addProject, addWorker } from './pull-fixture';

const OK = 0n;
const FAIL = 1n;
const SKIP = 2n;

describe('tasks that workers pull', () => {
  let engine: TestEngine;
  let tasks: PullTasks;
  let worker: { id: number };
  let other: { id: number };
  let third: { id: number };
  beforeAll(async () => {
    engine = await TestEngine.start();
    tasks = engine.get(PullTasks);
    [worker, other, third] = [await addWorker(engine), await addWorker(engine), await addWorker(engine)];
  });
  afterAll(() => engine.stop());

  const project = (settings: object = {}) => addProject(engine, settings, [worker, other, third]);
  const task = (settings: Partial<NewPullTask> = {}): NewPullTask => ({
    recipe: 'do it',
    maxRetries: 3,
    priority: 0,
    maxAssignSeconds: 3600n,
    hash: null,
    verifications: 1,
    ...settings,
  });
  const submit = async (id: bigint, ...each: Partial<NewPullTask>[]): Promise<string[]> => {
    const answer = await tasks.submit(worker, id, each.map(task));
    if (!('ids' in answer)) throw new Error(JSON.stringify(answer));
    return answer.ids;
  };
  const next = async (id: bigint, who = worker) => {
    const answer = await tasks.next(who, id);
    return 'task' in answer ? answer.task : undefined;
  };
  const release = (id: string, result = OK, verification = 0n, who = worker) =>
    tasks.release(who.id, BigInt(id), result, verification);
  const jobState = async (id: string) =>
    (await engine.query<{ state: string }>(`SELECT state FROM job WHERE id = $1`, [id]))[0]?.state;

  it('come by priority, then in the order in which they were submitted', async () => {
    const id = await project();
    const ids = await submit(id, { priority: -32768 }, { priority: 5 }, {}, { priority: 32767 }, { priority: 5 });
    const taken = [];
    for (let n = 0; n < 5; n += 1) taken.push((await next(id))!);
    expect(taken.map((each) => each.id)).toEqual([3, 1, 4, 2, 0].map((index) => ids[index]));
    expect(taken.map(({ priority }) => priority)).toEqual([32767, 5, 5, 0, -32768]);
    expect(await next(id)).toBeUndefined();
  });

  it('go to one worker each, however many ask at a time', async () => {
    const id = await project();
    const ids = await submit(id, ...Array.from({ length: 40 }, () => ({})));
    const claims = await Promise.all(Array.from({ length: 60 }, (_, n) => next(id, [worker, other, third][n % 3])));
    const taken = claims.flatMap((each) => (each ? [each.id] : []));
    expect(taken.sort()).toEqual([...ids].sort());
  });

  it('are jobs of their lane: queued, started by a claim, completed by a release', async () => {
    const id = await project();
    const [job] = await submit(id, { recipe: 'a "recipe"' });
    expect(await jobState(job!)).toBe('queued');
    expect(await next(id)).toMatchObject({
      id: job,
      recipe: 'a "recipe"',
      retries: 0,
      maxRetries: 3,
      project: { id: Number(id) },
    });
    expect(await jobState(job!)).toBe('started');
    expect(await release(job!)).toBe(true);
    expect(await release(job!)).toBe(false);
    expect(await jobState(job!)).toBe('completed');
    expect(await engine.query(`SELECT state, cause FROM execution WHERE job_id = $1`, [job])).toEqual([
      { state: 'succeeded', cause: 'first' },
    ]);
    expect(
      await engine.query(`SELECT from_state, to_state FROM job_transition WHERE job_id = $1 ORDER BY id`, [job]),
    ).toEqual([
      { from_state: null, to_state: 'queued' },
      { from_state: 'queued', to_state: 'started' },
      { from_state: 'started', to_state: 'completed' },
    ]);
    await engine.admit();
    expect(await engine.query(`SELECT closed_tasks FROM project WHERE id = $1`, [id])).toEqual([{ closed_tasks: '1' }]);
  });

  it('wait for workers although controllers look for queued jobs', async () => {
    const id = await project();
    const [job] = await submit(id, {});
    const [{ lane_id: lane }] = (await engine.query(`SELECT lane_id FROM job WHERE id = $1`, [job])) as [
      { lane_id: number },
    ];
    expect(await engine.stores.lanes.withQueuedJobs()).not.toContain(lane);
  });

  it('are given back by those alone who hold them', async () => {
    const id = await project();
    const [job] = await submit(id, {});
    await next(id);
    expect(await release(job!, OK, 0n, other)).toBe(false);
    expect(await release(job!, 7n)).toBe(false);
    expect(await release('9223372036854775807')).toBe(false);
    expect(await tasks.release(worker.id, 2n ** 70n, OK, 0n)).toBe(false);
    expect(await release(job!, SKIP)).toBe(true);
    expect(await jobState(job!)).toBe('queued');
    expect((await next(id, other))!.id).toBe(job);
  });

  it('fail after as many failures as they may have, and are tried again when they are reset', async () => {
    const id = await project();
    const [job, once] = await submit(id, { maxRetries: 2 }, { maxRetries: 0, priority: -1 });
    await next(id);
    expect(await release(job!, FAIL)).toBe(true);
    expect(await next(id)).toMatchObject({ id: job, retries: 1 });
    expect(await release(job!, FAIL)).toBe(true);
    expect(await jobState(job!)).toBe('failed');
    expect((await next(id))!.id).toBe(once);
    await release(once!, FAIL);
    expect(await jobState(once!)).toBe('failed');
    expect(await next(id)).toBeUndefined();
    expect(await tasks.resetFailed(id)).toBe(2);
    expect(await tasks.resetFailed(id)).toBe(0);
    expect(await next(id)).toMatchObject({ id: job, retries: 0 });
    expect(await release(job!)).toBe(true);
    expect(await jobState(job!)).toBe('completed');
    expect((await engine.messages(job!)).join()).toContain('it is tried no further');
  });

  it('say of each execution why there is another', async () => {
    const id = await project();
    const [job] = await submit(id, { maxRetries: 2, verifications: 2 });
    for (const result of [SKIP, FAIL]) {
      await next(id);
      await release(job!, result);
    }
    await next(id);
    await engine.query(
      `UPDATE execution SET lease_expires_at = now() - interval '1 s' WHERE job_id = $1 AND state = 'running'`,
      [job],
    );
    await engine.get(ProjectUpkeep).reclaim();
    await next(id);
    await release(job!, OK, 1n);
    await next(id, other);
    const executions = await engine.query(`SELECT cause, state FROM execution WHERE job_id = $1 ORDER BY id`, [job]);
    expect(executions).toEqual([
      { cause: 'first', state: 'released' },
      { cause: 'released', state: 'failed' },
      { cause: 'retry', state: 'lost' },
      { cause: 'lease_lost', state: 'succeeded' },
      { cause: 'first', state: 'running' },
    ]);
  });

  it('that are broken while a worker asks are given to nobody', async () => {
    const id = await project();
    const [job] = await submit(id, {});
    const claim = await engine.get(Database).transaction(async (stores) => {
      await stores.jobs.lockAll([job!]);
      const asked = next(id);
      await eventually(async () =>
        expect(await engine.query(`SELECT FROM pg_locks WHERE NOT granted`)).not.toHaveLength(0),
      );
      await stores.jobs.break(job!, 'by a test');
      return { asked };
    });
    expect(await claim.asked).toBeUndefined();
    expect(await jobState(job!)).toBe('broken');
    expect(await engine.query(`SELECT FROM execution WHERE job_id = $1`, [job])).toEqual([]);
    expect(await engine.query(`SELECT worker_id FROM pull_task WHERE job_id = $1`, [job])).toEqual([
      { worker_id: null },
    ]);
  });

  it('count as failed until they are reset, whether the totals were folded before or not', async () => {
    const id = await project();
    const failed = async () => (await engine.get(ReadHealth).run('engine')).tasksFailed;
    const fold = () => engine.get(FoldTotals).fold();
    await fold();
    const before = await failed();
    const [folded, fresh] = await submit(id, { maxRetries: 1 }, { maxRetries: 1 });
    await next(id);
    await release(folded!, FAIL);
    await fold();
    await next(id);
    await release(fresh!, FAIL);
    expect(await failed()).toBe(before + 2);
    await tasks.resetFailed(id);
    expect(await failed()).toBe(before);
    await next(id);
    await release(folded!, FAIL);
    expect(await failed()).toBe(before + 1);
    await fold();
    expect(await failed()).toBe(before + 1);
    await engine.get(FoldTotals).recount();
    expect(await failed()).toBe(before + 1);
  });

  it('that failed are not removed by retention', async () => {
    const id = await project();
    const [job] = await submit(id, { maxRetries: 1 });
    await next(id);
    await release(job!, FAIL);
    await engine.query(`UPDATE job SET finished_at = now() - interval '1 year' WHERE id = $1`, [job]);
    await engine.get(RetainJobs).run(1);
    expect(await jobState(job!)).toBe('failed');
  });

  it('are closed when as many workers as wanted come to the same result, and nobody votes twice', async () => {
    const id = await project();
    const [job, second] = await submit(id, { verifications: 2 }, { verifications: 2 });
    expect((await next(id))!.id).toBe(job);
    expect(await release(job!, OK, 5n)).toBe(false);
    // not the first one, which it has voted for
    expect((await next(id))!.id).toBe(second);
    expect(await next(id)).toBeUndefined();
    expect((await next(id, other))!.id).toBe(job);
    expect(await release(job!, OK, -9223372036854775808n, other)).toBe(false);
    expect((await next(id, third))!.id).toBe(job);
    expect(await release(job!, OK, 5n, third)).toBe(true);
    expect(await jobState(job!)).toBe('completed');
    expect(await release(second!, OK, 1n)).toBe(false);
    expect((await next(id, other))!.id).toBe(second);
  });

  it('go on in the project behind theirs, unless one with their hash is there', async () => {
    const target = await project();
    const id = await project({ chain: target });
    const [job, known] = await submit(id, { hash: 7n, priority: 3, maxRetries: 9, recipe: 'chained' }, { hash: 8n });
    await submit(target, { hash: 8n, priority: -5 });
    await next(id);
    await next(id);
    expect(await release(job!)).toBe(true);
    expect(await release(known!)).toBe(true);
    const copy = await next(target);
    expect(copy).toMatchObject({ recipe: 'chained', priority: 3, maxRetries: 9, retries: 0 });
    expect(copy!.id).not.toBe(job);
    expect(await next(target)).toMatchObject({ recipe: 'do it', priority: -5 });
    expect(await next(target)).toBeUndefined();
  });

  it('are unique by their hash among those that are open or failed', async () => {
    const id = await project();
    const [job] = await submit(id, { hash: 9223372036854775807n });
    expect(await tasks.submit(worker, id, [task({ hash: 9223372036854775807n })])).toEqual({
      refused: 'duplicate_hash',
      index: 0,
    });
    expect(await tasks.submit(worker, id, [task(), task({ hash: 1n }), task({ hash: 9223372036854775807n })])).toEqual({
      refused: 'duplicate_hash',
      index: 2,
    });
    expect(await tasks.submit(worker, id, [task({ hash: 4n }), task({ hash: 4n })])).toEqual({
      refused: 'duplicate_hash',
      index: 1,
    });
    expect(await engine.query(`SELECT count(*)::int AS n FROM pull_task WHERE project_id = $1`, [id])).toEqual([
      { n: 1 },
    ]);
    await next(id);
    await release(job!);
    expect(await submit(id, { hash: 9223372036854775807n })).toHaveLength(1);
  });

  it('are stored once when two submit the same hashes at a time, each in an order of its own', async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = await project();
      const hashes = Array.from({ length: 40 }, (_, n) => task({ hash: BigInt(n + 1) }));
      const answers = await Promise.all([
        tasks.submit(worker, id, hashes),
        tasks.submit(other, id, [...hashes].reverse()),
        ...[...hashes].reverse().map((each) => tasks.submit(third, id, [each])),
      ]);
      const stored = answers.flatMap((answer) => ('ids' in answer ? answer.ids : []));
      expect(stored).toHaveLength(40);
      expect(answers.every((answer) => 'ids' in answer || answer.refused === 'duplicate_hash')).toBe(true);
    }
  });

  it('of steps that are over or gone are removed', async () => {
    const id = await project();
    const [{ name }] = (await engine.query(`SELECT name FROM project WHERE id = $1`, [id])) as [{ name: string }];
    const steps = engine.get(PullSteps);
    expect(await steps.begin('4711', name, task())).toBe(true);
    expect(await steps.begin('4711', name, task())).toBe(true);
    expect(await steps.begin('4712', 'no such project', task())).toBe(false);
    expect((await steps.states(['4711', '4712'])).size).toBe(1);
    await engine.get(ProjectUpkeep).removeOrphans();
    expect((await steps.states(['4711'])).size).toBe(0);
    expect(await next(id)).toBeUndefined();
  });

  it('are stored all or none, by those who may submit, as often as the project allows', async () => {
    const id = await project();
    const stranger = await addWorker(engine);
    expect(await tasks.submit(stranger, id, [task()])).toEqual({ refused: 'unauthorized' });
    expect(await tasks.submit(worker, 999_999n, [task()])).toEqual({ refused: 'unknown_project' });
    expect(await tasks.submit(worker, 99_999_999_999n, [task()])).toEqual({ refused: 'unknown_project' });
    expect(await tasks.submit(worker, id, [task(), task({ maxAssignSeconds: 3_000_000_000n })])).toEqual({
      refused: 'out_of_range',
      index: 1,
    });
    const slow = await project({ submitRate: 0.5 });
    await submit(slow, {});
    const refused = await tasks.submit(worker, slow, [task()]);
    expect(refused).toMatchObject({ refused: 'rate' });
    expect((refused as { delaySeconds: number }).delaySeconds).toBeGreaterThan(1);
    expect((refused as { delaySeconds: number }).delaySeconds).toBeLessThanOrEqual(2);
    expect(await tasks.submit(worker, slow, [task(), task()])).toMatchObject({ refused: 'rate' });
  });

  it('are not given to workers that may not, that are paused, nor while the project is, nor more often than it allows', async () => {
    const id = await project({ public: false });
    const stranger = await addWorker(engine);
    await submit(id, {}, {});
    expect(await next(id, stranger)).toBeUndefined();
    await engine.query(`UPDATE pull_worker SET paused = true WHERE id = $1`, [other.id]);
    expect(await tasks.next(other, id)).toEqual({ refused: 'paused_worker' });
    await engine.query(`UPDATE pull_worker SET paused = false WHERE id = $1`, [other.id]);
    await engine.query(`UPDATE lane SET paused = true WHERE name = $1`, [`project/${id}`]);
    expect(await next(id)).toBeUndefined();
    await engine.query(`UPDATE lane SET paused = false WHERE name = $1`, [`project/${id}`]);
    await engine.query(`UPDATE project SET assign_rate = 0.01 WHERE id = $1`, [id]);
    expect(await next(id)).toBeDefined();
    expect(await tasks.next(worker, id)).toMatchObject({ refused: 'rate' });
    expect(await tasks.next(worker, 12345n)).toEqual({ refused: 'unknown_project' });
  });

  it('come back when their worker has had them for too long, retries not counted, and its late release changes nothing', async () => {
    const id = await project();
    const [job] = await submit(id, { maxAssignSeconds: 60n });
    await next(id);
    await engine.query(`UPDATE execution SET lease_expires_at = now() - interval '1 second' WHERE job_id = $1`, [job]);
    expect(await engine.get(ProjectUpkeep).reclaim()).toBe(1);
    expect(await release(job!)).toBe(false);
    expect(await next(id, other)).toMatchObject({ id: job, retries: 0 });
    expect(await release(job!)).toBe(false);
    expect(await release(job!, OK, 0n, other)).toBe(true);
  });

  it('without a time of their own are held until the next reclaim', async () => {
    const id = await project();
    await submit(id, { maxAssignSeconds: 0n });
    const taken = await next(id);
    const [{ seconds }] = (await engine.query(
      `SELECT EXTRACT(EPOCH FROM lease_expires_at)::float8 AS seconds FROM execution WHERE job_id = $1`,
      [taken!.id],
    )) as [{ seconds: number }];
    expect(seconds % 300).toBe(0);
    expect(seconds * 1000 - taken!.assignedAt.getTime()).toBeGreaterThanOrEqual(1000);
    expect(seconds * 1000 - taken!.assignedAt.getTime()).toBeLessThanOrEqual(301_000);
  });

  it('are taken from their workers, or removed, by their managers', async () => {
    const id = await project();
    const [job] = await submit(id, {}, {}, { maxRetries: 1 });
    await next(id);
    expect(await tasks.reclaimAssigned(id)).toBe(3);
    expect(await release(job!)).toBe(false);
    expect((await next(id))!.id).toBe(job);
    expect(await tasks.hardReset(id)).toBe(3);
    expect(await release(job!)).toBe(false);
    expect(await next(id)).toBeUndefined();
    expect(await tasks.hardReset(2n ** 40n)).toBe(0);
  });

  it('are counted for their managers', async () => {
    const id = await project();
    await submit(id, {}, {}, { verifications: 2 }, { maxRetries: 1 });
    const [first, , voted, failing] = [await next(id), await next(id), await next(id), await next(id)];
    await release(first!.id);
    await release(voted!.id, OK, 1n);
    await release(failing!.id, FAIL);
    await engine.get(ProjectUpkeep).snapshot(1);
    expect(await engine.get(ProjectMonitor).snapshots(id, 5)).toEqual([
      { newTasks: 1n, failedTasks: 1n, closedTasks: 1n, accesses: 3n, votes: 1n, at: expect.any(Date) },
    ]);
    expect((await engine.get(ProjectMonitor).assignees(id)).map(({ tasks: n }) => n)).toEqual([1, 2]);
    expect(await engine.get(ProjectMonitor).snapshots(2n ** 40n, 5)).toEqual([]);
  });
});
