import { startSuite, type TestSuite } from '../../support/start-suite';
import { PASSWORD, TaskTrackerClient, type WorkerClient } from './task-tracker-client';

/** Requests that end the original's process, or that it answers to whom it should not (reference/task-tracker.md 1.9). */
describe("the original's defects", () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: TaskTrackerClient;
  let manager: TaskTrackerClient;
  let worker: WorkerClient;
  let project: number;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    guest = new TaskTrackerClient(suite.url);
    admin = await guest.manager('ann');
    manager = await guest.manager('bob');
    worker = await guest.worker();
    project = await admin.project({ public: true });
    await admin.grant(worker, project, { assign: true, submit: true });
  });

  afterEach(async () => {
    const answer = await guest.get('/project/list');
    expect(answer.status).toBe(200);
  });

  afterAll(() => suite?.stop());

  it.each(['promote', 'demote'])('%s without a session is refused', async (verb) => {
    for (const id of [4, '99999999999'])
      expect(await guest.get(`/manager/${verb}/${id}`)).toMatchObject({
        status: 401,
        body: { ok: false, message: 'Unauthorized' },
      });
  });

  it('a secret of any length is a wrong one', async () => {
    for (const bytes of [0, 1, 31, 33, 44, 60, 4_000]) {
      const secret = bytes === 0 ? '====' : Buffer.alloc(bytes, 7).toString('base64');
      const stranger = guest.with({ 'X-Worker-ID': String(worker.id), 'X-Secret': secret });
      expect(await stranger.get(`/task/get/${project}`)).toMatchObject({
        status: 403,
        body: { ok: false, message: 'invalid secret' },
      });
      expect(await stranger.post('/task/submit', { project, recipe: 'r' })).toMatchObject({ status: 401 });
    }
    for (const secret of [`${worker.secret}junk`, worker.secret.slice(0, -1), worker.secret.toLowerCase()])
      expect((await guest.with({ ...worker.headers, 'X-Secret': secret }).get(`/task/get/${project}`)).status).toBe(
        403,
      );
  });

  it.each(['99999999999', '2147483648', '9223372036854775807', '-1', '0'])('id %s is that of nothing', async (id) => {
    expect((await guest.get(`/project/assignees/${id}`)).body).toEqual({ ok: true, content: { assignees: [] } });
    expect((await guest.get(`/project/monitoring/${id}?count=5`)).body).toEqual({
      ok: true,
      content: { snapshots: [] },
    });
    expect((await guest.get(`/project/monitoring-between/${id}?from=1&to=2147483646`)).body.content).toEqual({
      snapshots: [],
    });
    expect((await guest.get(`/project/get/${id}`)).status).toBe(404);
    expect((await manager.get(`/manager/list_for_project/${id}`)).body).toEqual({
      ok: true,
      content: { managers: [] },
    });
    expect(await admin.post(`/project/reject_request/1/${id}`)).toMatchObject({ status: 200, body: { ok: false } });
    expect(await admin.post(`/project/accept_request/1/${id}`)).toMatchObject({ status: 200, body: { ok: false } });
    for (const reset of ['reset_failed_tasks', 'hard_reset', 'reclaim_assigned_tasks'])
      expect((await admin.post(`/project/${reset}/${id}`)).body).toEqual({ ok: true, content: { affected_tasks: 0 } });
    expect(await worker.get(`/task/get/${id}`)).toMatchObject({ status: 404, body: { message: 'Project not found' } });
    if (id === '0') return;
    for (const result of [0, 1, 2])
      expect((await worker.post('/task/release', `{"task_id":${id},"result":${result}}`)).body).toEqual({
        ok: true,
        message: 'Task was not marked as closed',
        content: { updated: false },
      });
    expect(await worker.post('/task/submit', `{"project":${id},"recipe":"r"}`)).toMatchObject({
      status: 404,
      body: { message: 'Project not found' },
    });
    const stranger = guest.with({ ...worker.headers, 'X-Worker-ID': id });
    expect((await stranger.get(`/task/get/${project}`)).body.message).toBe('worker id does not match any valid worker');
  });

  it('a role of an unknown manager, in an unknown project, or too large, is refused', async () => {
    for (const [id, body] of [
      [project, { manager: 99_999, role: 1 }],
      [project, { manager: 99_999_999_999, role: 1 }],
      [99_999, { manager: 2, role: 1 }],
      [project, { manager: 2, role: 40_000 }],
    ])
      expect(await admin.post(`/manager/set_role_for_project/${String(id)}`, body)).toMatchObject({
        status: 400,
        body: { ok: false },
      });
  });

  it('NUL in an alias is refused', async () => {
    expect(await worker.post('/worker/update', '{"alias":"a\\u0000b"}')).toMatchObject({
      status: 400,
      body: { ok: false, message: 'Could not parse request' },
    });
  });

  it('rejecting a request needs the role for it', async () => {
    for (const stranger of [guest, manager, worker])
      expect(await stranger.post(`/project/reject_request/${project}/${worker.id}`)).toMatchObject({
        status: 403,
        body: { ok: false, message: 'Unauthorized' },
      });
    expect((await admin.get(`/project/access_list/${project}`)).body.content.accesses).toHaveLength(1);
  });

  it("a request that waits does not unlock a project's secret", async () => {
    const other = await guest.worker();
    await admin.accepted(`/project/secret/${project}`, { secret: 'psst' });
    await other.accepted('/project/request_access', { project, assign: true, submit: false });
    expect(await other.get(`/project/secret/${project}`)).toMatchObject({ status: 403 });
    await admin.accepted(`/project/accept_request/${project}/${other.id}`);
    expect((await other.get(`/project/secret/${project}`)).body.content).toEqual({ secret: 'psst' });
  });

  it('a session id that the caller brings along does not become that of a login', async () => {
    const fixed = guest.with({ cookie: 'tt=chosenbytheattackerchosenbytheatt' });
    const answer = await fixed.post('/login', { username: 'bob', password: PASSWORD });
    expect(answer.headers['set-cookie']?.[0]).not.toContain('chosenbytheattacker');
    expect((await fixed.get('/account')).body).toMatchObject({ ok: false, content: { logged_in: false } });
  });

  it('what is hidden is hidden from who watches projects, too', async () => {
    const hidden = await admin.project({ hidden: true });
    const paths = [`monitoring/${hidden}?count=5`, `monitoring-between/${hidden}?from=1&to=2`, `assignees/${hidden}`];
    for (const path of paths) {
      for (const stranger of [guest, manager, worker])
        expect(await stranger.get(`/project/${path}`)).toMatchObject({
          status: 403,
          body: { ok: false, message: 'Unauthorized' },
        });
      expect((await admin.get(`/project/${path}`)).status).toBe(200);
    }
  });

  it('who was paused stays so over a restart, also when the alias is changed', async () => {
    const paused = await guest.worker();
    await admin.accepted('/worker/set_paused', { worker: paused.id, paused: true });
    const told = { status: 400, body: { ok: false, message: 'A manager has paused you' } };
    expect(await paused.get(`/task/get/${project}`)).toMatchObject(told);
    await suite.suite.restart('api-gateway');
    const url = suite.suite.members.find(({ app }) => app === 'api-gateway')!.url;
    guest = new TaskTrackerClient(url);
    const again = guest.with(paused.headers);
    await again.accepted('/worker/update', { alias: 'b' });
    expect(await again.get(`/task/get/${project}`)).toMatchObject(told);
    expect((await guest.get(`/worker/get/${paused.id}`)).body.content.worker).toMatchObject({
      alias: 'b',
      paused: true,
    });
  });
});
