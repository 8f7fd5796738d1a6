import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { type Shown, TaskTrackerClient, type WorkerClient } from './task-tracker-client';

const NONE = { ok: false, message: 'No task available' };
const NOT_CLOSED = { ok: true, message: 'Task was not marked as closed', content: { updated: false } };
const DUPLICATE = 'pq: duplicate key value violates unique constraint "project_hash_unique"';
/** How often the leader looks. */
const SECONDS = '1';

describe('tasks', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: TaskTrackerClient;
  let ann: WorkerClient;
  let bob: WorkerClient;
  let project: number;

  beforeAll(async () => {
    suite = await startSuite({
      apps: ['api-gateway', 'scheduler'],
      env: { TASK_TRACKER_SNAPSHOT_SECONDS: SECONDS, TASK_TRACKER_RECLAIM_SECONDS: SECONDS },
    });
    guest = new TaskTrackerClient(suite.url);
    admin = await guest.manager('boss');
    [ann, bob] = await Promise.all([guest.worker('ann'), guest.worker('bob')]);
  });

  beforeEach(async () => {
    project = await admin.project({ public: true });
    await admin.grant(ann, project, { submit: true });
  });

  afterAll(() => suite?.stop());

  const HOUR = { max_assign_time: 3_600 };
  const submit = (fields: object = {}) => ann.submit(project, { ...HOUR, ...fields });
  const bulk = (requests: object[], worker: WorkerClient = ann) =>
    worker.post('/task/bulk_submit', { requests: requests.map((fields) => ({ project, recipe: 'r', ...fields })) });
  const recipes = async (worker: WorkerClient, count: number) => {
    const taken: string[] = [];
    while (taken.length < count) taken.push((await worker.take(project))?.recipe);
    return taken;
  };

  describe('are given', () => {
    it('the largest priority first, then as they came', async () => {
      for (const [recipe, priority] of Object.entries({ a: 0, b: 5, c: 5, d: -5, e: 32_767, f: 0, g: -32_768 }))
        await submit({ recipe, priority });
      expect(await recipes(bob, 7)).toEqual(['e', 'b', 'c', 'a', 'f', 'd', 'g']);
      expect((await bob.get(`/task/get/${project}`)).body).toEqual(NONE);
    });

    it('as they were submitted, to whoever asks', async () => {
      const id = await submit({ recipe: '{"a":"é😀<&>"}', priority: -3, max_retries: 7, verification_count: 2 });
      expect(await bob.take(project)).toMatchObject({
        id,
        priority: -3,
        recipe: '{"a":"é😀<&>"}',
        max_retries: 7,
        retries: 0,
        verification_count: 2,
        status: 1,
        assignee: bob.id,
        max_assign_time: 3_600,
        project: { id: project, public: true },
      });
    });

    it('to those who may have them: everybody of a public project, who was accepted of others', async () => {
      for (const fields of [{}, { hidden: true }]) {
        const closed = await admin.project(fields);
        await admin.grant(ann, closed, { submit: true });
        await ann.submit(closed, HOUR);
        for (const worker of [ann, bob]) expect((await worker.get(`/task/get/${closed}`)).body).toEqual(NONE);
        await bob.accepted('/project/request_access', { project: closed, assign: true });
        expect((await bob.get(`/task/get/${closed}`)).body).toEqual(NONE);
        await admin.accepted(`/project/accept_request/${closed}/${bob.id}`);
        expect(await bob.take(closed)).toBeDefined();
      }
    });

    it('to nobody while their project is paused, nor to a worker that is', async () => {
      const shown = (await admin.get(`/project/get/${project}`)).body.content.project;
      await submit();
      await admin.accepted(`/project/update/${project}`, { ...shown, paused: true });
      expect((await bob.get(`/task/get/${project}`)).body).toEqual(NONE);
      await submit();
      await admin.accepted(`/project/update/${project}`, { ...shown, paused: false });
      const task = await bob.take(project);
      await admin.accepted('/worker/set_paused', { worker: bob.id, paused: true });
      expect(await bob.get(`/task/get/${project}`)).toMatchObject({
        status: 400,
        body: { ok: false, message: 'A manager has paused you' },
      });
      // checked before the id
      expect((await bob.get('/task/get/x')).body.message).toBe('A manager has paused you');
      expect(await bob.release(task.id)).toBe(true);
      await admin.accepted('/worker/set_paused', { worker: bob.id, paused: false });
      expect(await bob.take(project)).toBeDefined();
    });

    it('with a rate, however many ask', async () => {
      const slow = await admin.project({ public: true, assign_rate: 0.01 });
      await admin.grant(ann, slow, { submit: true });
      await ann.submit(slow, HOUR);
      await ann.submit(slow, HOUR);
      const answers = await Promise.all(Array.from({ length: 6 }, () => bob.get(`/task/get/${slow}`)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const { status, body } of answers.filter((answer) => answer.status !== 200))
        expect({ status, body }).toEqual({
          status: 429,
          body: { ok: false, message: 'Too many requests', rate_limit_delay: expect.closeTo(100, -1) },
        });
    });
  });

  describe('are released', () => {
    it('once, by who has them', async () => {
      const id = await submit();
      expect((await bob.post('/task/release', { task_id: id, result: 0 })).body).toEqual(NOT_CLOSED);
      await bob.take(project);
      expect((await ann.post('/task/release', { task_id: id, result: 0 })).body).toEqual(NOT_CLOSED);
      expect((await bob.post('/task/release', { task_id: id, result: 7 })).body).toEqual(NOT_CLOSED);
      expect((await bob.post('/task/release', { task_id: id })).body).toEqual({ ok: true, content: { updated: true } });
      expect((await bob.post('/task/release', { task_id: id, result: 1 })).body).toEqual(NOT_CLOSED);
      expect(await bob.take(project)).toBeUndefined();
    });

    it('as failed, until the last retry', async () => {
      const id = await submit({ max_retries: 3 });
      for (const retries of [0, 1, 2]) {
        expect(await bob.take(project)).toMatchObject({ id, retries });
        expect(await bob.release(id, 1)).toBe(true);
      }
      expect(await bob.take(project)).toBeUndefined();
    });

    it.each([0, 1])('as failed at the first time with max_retries %d', async (max_retries) => {
      await submit({ max_retries });
      await bob.release((await bob.take(project)).id, 1);
      expect(await bob.take(project)).toBeUndefined();
    });

    it('as if nobody had had them', async () => {
      const id = await submit({ max_retries: 1 });
      for (let time = 0; time < 3; time += 1) {
        expect(await bob.take(project)).toMatchObject({ id, retries: 0 });
        expect(await bob.release(id, 2)).toBe(true);
      }
    });

    it('when enough workers come to the same, each of them once', async () => {
      const id = await submit({ verification_count: 2 });
      const cid = await guest.worker('cid');
      const [same, other] = [9223372036854775807n, -9223372036854775808n];
      await ann.take(project);
      expect(await ann.release(id, 0, same)).toBe(false);
      expect(await ann.take(project)).toBeUndefined();
      expect((await bob.take(project)).id).toBe(id);
      expect(await bob.release(id, 0, other)).toBe(false);
      expect((await cid.take(project)).id).toBe(id);
      // one less than the other, and the same as a double
      expect(await cid.release(id, 0, same - 1n)).toBe(false);
      const dee = await guest.worker('dee');
      await dee.take(project);
      expect(await dee.release(id, 0, same)).toBe(true);
    });

    it('into the project behind theirs', async () => {
      const first = await admin.project({ public: true, chain: project });
      await admin.grant(ann, first, { submit: true });
      const fields = { recipe: 'on', priority: 4, max_retries: 2, hash64: 77n, max_assign_time: 60 };
      const id = await ann.submit(first, fields);
      await bob.take(first);
      expect(await bob.release(id)).toBe(true);
      const copy = await bob.take(project);
      expect(copy).toMatchObject({ recipe: 'on', priority: 4, max_retries: 2, retries: 0, max_assign_time: 60 });
      expect((await ann.post('/task/submit', { project, recipe: 'r', hash64: 77n })).body.message).toBe(DUPLICATE);
    });
  });

  describe('are submitted', () => {
    it('by those who may, to public projects too', async () => {
      const message = { status: 400, body: { ok: false, message: 'unauthorized task submit' } };
      expect(await bob.post('/task/submit', { project, recipe: 'r' })).toMatchObject(message);
      expect(await bulk([{}, {}], bob)).toMatchObject(message);
      await bob.accepted('/project/request_access', { project, submit: true });
      expect(await bob.post('/task/submit', { project, recipe: 'r' })).toMatchObject(message);
      expect(await bob.take(project)).toBeUndefined();
      await admin.accepted(`/project/accept_request/${project}/${bob.id}`);
      expect(await bob.submit(project)).toEqual(expect.any(Number));
    });

    it.each(['hash64', 'hash_u64'])('once by %s, until they are closed', async (name) => {
      const hash = { [name]: 9223372036854775807n };
      const id = await submit(hash);
      const again = () => ann.post('/task/submit', { project, recipe: 'r', ...HOUR, ...hash });
      const refused = { status: 400, body: { ok: false, message: DUPLICATE } };
      expect(await again()).toMatchObject(refused);
      expect(await bulk([{}, hash])).toMatchObject({ status: 400 });
      await submit({ [name]: 9223372036854775806n });
      expect((await bob.take(project)).id).toBe(id);
      expect(await again()).toMatchObject(refused);
      await bob.release(id, 1);
      // failed tasks count as well
      expect(await again()).toMatchObject(refused);
      await admin.accepted(`/project/reset_failed_tasks/${project}`);
      expect((await bob.take(project)).id).toBe(id);
      await bob.release(id);
      expect(await again()).toMatchObject({ status: 200 });
    });

    it.each(['unique_string', 'unique_str'])('once by %s', async (name) => {
      await submit({ [name]: 'Hello, world' });
      expect((await ann.post('/task/submit', { project, recipe: 'r', [name]: 'Hello, world' })).body).toEqual({
        ok: false,
        message: DUPLICATE,
      });
      // its hash
      expect((await ann.post('/task/submit', { project, recipe: 'r', hash_u64: 8565956259293726066n })).status).toBe(
        400,
      );
      await submit({ [name]: 'Hello, World' });
    });

    it('many at a time, in their order', async () => {
      const { body } = await bulk(Array.from({ length: 5_000 }, (_, n) => ({ recipe: `${n}`, ...HOUR, hash64: n })));
      expect(new Set(body.content.ids).size).toBe(5_000);
      expect(await recipes(bob, 3)).toEqual(['0', '1', '2']);
      expect((await bob.take(project)).id).toBe(body.content.ids[3]);
    });

    it('all or none', async () => {
      await submit({ hash64: 5 });
      await bob.take(project);
      const refused = async (requests: object[], message: string) => {
        expect((await bulk(requests)).body).toEqual({ ok: false, message });
        expect((await bulk(requests)).status).toBe(400);
        expect(await bob.take(project)).toBeUndefined();
      };
      await refused([{ hash64: 1 }, { hash64: 5 }, {}], `requests[1], nothing was stored: ${DUPLICATE}`);
      await refused([{}, {}, { hash64: 7 }, { hash_u64: 7 }], `requests[3], nothing was stored: ${DUPLICATE}`);
      await refused(
        [{}, { max_assign_time: 3_000_000_000 }],
        'requests[1], nothing was stored: pq: value "3000000000" is out of range for type integer',
      );
      await refused([{}, { recipe: '' }], 'Invalid request');
      await refused([{}, { project: project + 1 }], 'All the tasks in a bulk submit must be of the same project');
    });

    it('with a rate: one at a time, more never', async () => {
      const slow = await admin.project({ public: true, submit_rate: 0.01 });
      await admin.grant(ann, slow, { submit: true });
      const one = { project: slow, recipe: 'r' };
      expect((await ann.post('/task/bulk_submit', { requests: [one, one] })).body).toEqual({
        ok: false,
        message: 'Too many requests',
        rate_limit_delay: 9223372036.854776,
      });
      expect((await ann.post('/task/bulk_submit', { requests: [one] })).status).toBe(200);
      const { status, body } = await ann.post('/task/submit', one);
      expect({ status, body }).toEqual({
        status: 429,
        body: { ok: false, message: 'Too many requests', rate_limit_delay: expect.closeTo(100, -1) },
      });
    });
  });

  describe('are looked after', () => {
    it('by managers with the role for it', async () => {
      const other = await guest.manager(`m${Date.now() % 1e9}`);
      await submit();
      const waiting = await submit();
      const failed = (await bob.take(project)).id;
      await bob.release(failed, 1);
      const held = (await bob.take(project)).id;
      expect(held).toBe(waiting);
      const forbidden = { status: 403, body: { ok: false, message: 'Unauthorized' } };
      for (const reset of ['reset_failed_tasks', 'reclaim_assigned_tasks', 'hard_reset']) {
        expect(await other.post(`/project/${reset}/${project}`)).toMatchObject(forbidden);
        expect(await guest.post(`/project/${reset}/${project}`)).toMatchObject(forbidden);
        const elsewhere = { headers: { origin: 'https://evil.example' } };
        expect(await admin.post(`/project/${reset}/${project}`, undefined, elsewhere)).toMatchObject(forbidden);
      }
      const affected = async (reset: string) =>
        (await admin.accepted(`/project/${reset}/${project}`)).content.affected_tasks;
      expect(await affected('reset_failed_tasks')).toBe(1);
      // those count that nobody had, too
      expect(await affected('reclaim_assigned_tasks')).toBe(2);
      expect(await bob.release(held)).toBe(false);
      expect(await bob.take(project)).toMatchObject({ id: failed, retries: 0 });
      expect(await affected('hard_reset')).toBe(2);
      expect(await bob.take(project)).toBeUndefined();
      expect(await bob.release(failed)).toBe(false);
    });

    it('by who asks how a project does', async () => {
      await submit();
      await submit({ verification_count: 2 });
      await submit();
      await bob.release((await bob.take(project)).id);
      await bob.release((await bob.take(project)).id, 0, 5);
      const { id } = await bob.take(project);
      await submit();
      expect((await guest.get(`/project/assignees/${project}`)).body.content.assignees).toEqual([
        { assignee: 'bob', task_count: 1 },
        { assignee: 'unassigned', task_count: 2 },
      ]);
      await bob.release(id, 1);
      const newest: Shown = await eventually(async () => {
        const [snapshot] = (await guest.get(`/project/monitoring/${project}?count=1`)).body.content.snapshots;
        if (snapshot?.failed_task_count !== 1) throw new Error('no snapshot yet');
        return snapshot;
      });
      expect(newest).toEqual({
        new_task_count: 1,
        failed_task_count: 1,
        closed_task_count: 1,
        worker_access_count: 1,
        awaiting_verification_count: 1,
        time_stamp: expect.closeTo(Date.now() / 1000, -3),
      });
      const span = (from: number, to: number) =>
        guest.get(`/project/monitoring-between/${project}?from=${from}&to=${to}`);
      const at = newest.time_stamp;
      expect((await span(at, at)).body.content.snapshots).toContainEqual(newest);
      expect((await span(1, at - 1_000)).body.content.snapshots).toEqual([]);
    });

    it('by the leader: who has one for too long, loses it', async () => {
      const id = await submit({ max_assign_time: 1 });
      expect((await bob.take(project)).id).toBe(id);
      expect(await bob.take(project)).toBeUndefined();
      const again = await eventually(async () => (await ann.take(project)) ?? Promise.reject(new Error('not yet')));
      expect(again).toMatchObject({ id, retries: 0, assignee: ann.id });
      expect(await bob.release(id)).toBe(false);
      expect(await ann.release(id)).toBe(true);
      // without a time of its own: at the next sweep
      const untimed = await submit({ max_assign_time: 0 });
      await bob.take(project);
      await eventually(async () => (await ann.take(project)) ?? Promise.reject(new Error('not yet')));
      expect(await bob.release(untimed)).toBe(false);
    });
  });
});
