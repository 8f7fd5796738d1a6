import { startSuite, type TestSuite } from '../../support/start-suite';
import { TaskTrackerClient, type WorkerClient } from './task-tracker-client';

const UNAUTHORISED = { status: 403, body: { ok: false, message: 'Unauthorized' } };
const UNREADABLE = { status: 400, body: { ok: false, message: 'Could not parse request' } };
const OK = { status: 200, body: { ok: true } };
const NOTHING = '99999999999';
const UNLIMITED = 1.7976931348623157e308;

const refused = (status: number, message: string) => ({ status, body: { ok: false, message } });

describe('projects', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: TaskTrackerClient;
  let owner: TaskTrackerClient;
  let stranger: TaskTrackerClient;
  let worker: WorkerClient;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    guest = new TaskTrackerClient(suite.url);
    admin = await guest.manager('admin');
    owner = await guest.manager('owner');
    stranger = await guest.manager('stranger');
    worker = await guest.worker();
  });
  afterAll(() => suite?.stop());

  const shown = ({ status, body }: { status: number; body: unknown }) => ({ status, body });
  const get = async (caller: TaskTrackerClient, path: string) => shown(await caller.get(path));
  const post = async (caller: TaskTrackerClient, path: string, body?: unknown) => shown(await caller.post(path, body));
  const project = async (id: number) => (await admin.get(`/project/get/${id}`)).body.content.project;

  describe('made', () => {
    it('are shown as the document has them, with every digit of their priority', async () => {
      const made = await admin.post(
        '/project/create',
        `{"name":"My project","clone_url":"http://github.com/test/test","git_repo":"myrepo","version":"1.0","priority":9223372036854775807,
          "motd":"<b>","public":true,"hidden":false,"chain":0,"assign_rate":2,"submit_rate":2.5,"unknown":{}}`,
      );
      expect(shown(made)).toEqual({ status: 200, body: { ok: true, content: { id: expect.any(Number) } } });
      const { id } = made.body.content;
      const found = await guest.get(`/project/get/${id}`);
      expect(found.headers['content-type']).toBe('application/json');
      expect(found.text).toContain('"priority":9223372036854775807,');
      expect(
        Object.entries(found.body.content.project).map(([key, value]) => [key, key === 'priority' || value]),
      ).toEqual([
        ['id', id],
        ['priority', true],
        ['name', 'My project'],
        ['clone_url', 'http://github.com/test/test'],
        ['git_repo', 'myrepo'],
        ['version', '1.0'],
        ['motd', '<b>'],
        ['public', true],
        ['hidden', false],
        ['chain', 0],
        ['paused', false],
        ['assign_rate', 2],
        ['submit_rate', 2.5],
      ]);
    });

    it('have no limits, no chain and no texts unless these are given', async () => {
      const id = await owner.project({ name: 'least', assign_rate: null, submit_rate: 0 });
      expect(await project(id)).toEqual({
        id,
        priority: 0,
        name: 'least',
        clone_url: '',
        git_repo: '',
        version: '',
        motd: '',
        public: false,
        hidden: false,
        chain: 0,
        paused: false,
        assign_rate: UNLIMITED,
        submit_rate: UNLIMITED,
      });
    });

    it('are refused before anybody is asked who he is, when they cannot be', async () => {
      for (const body of ['', '[]', '{"name":5}', '{"name":"a","priority":1.5}', '{"name":"a","assign_rate":"2"}'])
        expect(await post(guest, '/project/create', body)).toEqual(UNREADABLE);
      for (const body of [
        'null',
        { name: '' },
        { name: 'a', priority: -1 },
        { name: 'a', hidden: true, public: true },
        { name: 'a'.repeat(1_001) },
        { name: 'a', git_repo: 'é'.repeat(501) },
      ])
        expect(await post(guest, '/project/create', body)).toEqual(refused(400, 'Invalid project'));
    });

    it('are made by managers, public ones by admins, chained ones by those who may edit the target', async () => {
      const target = await owner.project();
      const notPermitted = refused(400, 'You are not permitted to create a project with this configuration');
      expect(await post(guest, '/project/create', { name: 'by a guest' })).toEqual(notPermitted);
      expect(await post(worker, '/project/create', { name: 'by a worker' })).toEqual(notPermitted);
      expect(await post(owner, '/project/create', { name: 'public', public: true })).toEqual(notPermitted);
      expect(await post(stranger, '/project/create', { name: 'chained', chain: target })).toEqual(notPermitted);
      for (const [caller, chain] of [
        [owner, NOTHING],
        [admin, NOTHING],
        [admin, '123456'],
        [admin, '-1'],
      ] as const)
        expect(await post(caller, '/project/create', `{"name":"chained","chain":${chain}}`)).toEqual(notPermitted);
      expect((await project(await owner.project({ chain: target }))).chain).toBe(target);
      expect((await project(await admin.project({ chain: target, public: true }))).public).toBe(true);
    });

    it('have a name of their own', async () => {
      await owner.project({ name: 'taken' });
      expect(await post(stranger, '/project/create', { name: 'taken' })).toEqual(
        refused(400, 'pq: duplicate key value violates unique constraint "project_name_key"'),
      );
      await owner.project({ name: '☃'.repeat(333) });
    });
  });

  describe('updated', () => {
    const fields = { name: 'updated', priority: 3, motd: 'm', version: '2', git_repo: 'r', clone_url: 'c' };

    it('are replaced as a whole, as a client sends back what it got', async () => {
      const id = await owner.project({ ...fields, name: 'replaced', assign_rate: 5 });
      const before = await project(id);
      expect(await post(owner, `/project/update/${id}`, { ...before, paused: true })).toEqual(OK);
      expect(await project(id)).toEqual({ ...before, paused: true });
      expect(await post(owner, `/project/update/+0${id}`, { name: 'replaced again' })).toEqual(OK);
      expect(await project(id)).toEqual({
        id,
        priority: 0,
        name: 'replaced again',
        clone_url: '',
        git_repo: '',
        version: '',
        motd: '',
        public: false,
        hidden: false,
        chain: 0,
        paused: false,
        assign_rate: UNLIMITED,
        submit_rate: UNLIMITED,
      });
    });

    it('are refused in this order: the id, the body, what it says, the caller, the chain, the name', async () => {
      const id = await owner.project({ ...fields, name: 'order' });
      const foreign = await stranger.project();
      const before = await project(id);
      const update = (caller: TaskTrackerClient, body: unknown, of: number | string = id) =>
        post(caller, `/project/update/${of}`, body);
      for (const wrong of ['abc', '1.5', '9223372036854775808', '%20'])
        expect(await update(guest, 'nonsense', wrong)).toEqual(refused(400, 'Invalid project id'));
      for (const body of ['nonsense', '', { ...fields, paused: 1 }])
        expect(await update(guest, body)).toEqual(UNREADABLE);
      for (const body of [{ name: '' }, { name: 'a', priority: -1 }, { name: 'a', hidden: true, public: true }])
        expect(await update(guest, body)).toEqual(refused(400, 'Invalid request'));
      expect(await update(guest, { ...fields, chain: id })).toEqual(refused(400, 'Invalid request'));
      for (const caller of [guest, stranger, worker]) expect(await update(caller, fields)).toEqual(UNAUTHORISED);
      expect(await update(owner, { ...fields, chain: foreign })).toEqual(
        refused(403, 'Unauthorized (You need RoleEdit on the project you wish to chain tasks to)'),
      );
      await owner.project({ name: 'somebody else’s' });
      expect(await update(owner, { ...fields, name: 'somebody else’s' })).toEqual(
        refused(400, 'pq: duplicate key value violates unique constraint "project_name_key"'),
      );
      expect(await update(admin, `{"name":"a","chain":${NOTHING}}`)).toEqual(
        refused(400, 'pq: insert or update on table "project" violates foreign key constraint "project_chain_fkey"'),
      );
      for (const nothing of [NOTHING, '123456', '-5'])
        expect(await update(admin, { ...fields, name: 'phantom' }, nothing)).toEqual(refused(404, 'Project not found'));
      expect(await project(id)).toEqual(before);
      expect((await admin.get('/project/list')).text).not.toContain('phantom');
    });

    it('may be chained in a circle of several, but not to themselves', async () => {
      const one = await owner.project({ name: 'circle 1' });
      const two = await owner.project({ name: 'circle 2', chain: one });
      expect(await post(owner, `/project/update/${one}`, { name: 'circle 1', chain: two })).toEqual(OK);
    });
  });

  describe('read', () => {
    it('are listed by name, hidden ones for admins and for those with the role to read them', async () => {
      const hidden = await owner.project({ name: 'AAA hidden', hidden: true });
      const seen = async (caller: TaskTrackerClient) => {
        const { status, body } = await caller.get('/project/list');
        expect(status).toBe(200);
        return body.content.projects as { id: number; name: string }[];
      };
      const strangerId = (await stranger.get('/account')).body.content.manager.id;
      for (const caller of [guest, stranger, worker]) {
        expect((await seen(caller)).map(({ id }) => id)).not.toContain(hidden);
        expect(await get(caller, `/project/get/${hidden}`)).toEqual(UNAUTHORISED);
      }
      for (const caller of [owner, admin]) {
        expect((await seen(caller))[0]).toMatchObject({ id: hidden, hidden: true });
        expect((await get(caller, `/project/get/${hidden}`)).status).toBe(200);
      }
      for (const [role, status] of [
        [30, 403],
        [1, 200],
      ]) {
        await owner.accepted(`/manager/set_role_for_project/${hidden}`, { manager: strangerId, role });
        expect((await get(stranger, `/project/get/${hidden}`)).status).toBe(status);
        expect((await seen(stranger)).some(({ id }) => id === hidden)).toBe(status === 200);
      }
    });

    it('are looked for by numbers only', async () => {
      for (const wrong of ['abc', '1e3', '0x1', '9223372036854775808'])
        expect(await get(guest, `/project/get/${wrong}`)).toEqual(refused(400, 'Invalid worker id'));
      for (const nothing of [NOTHING, '9223372036854775807', '-9223372036854775808', '0'])
        expect(await get(guest, `/project/get/${nothing}`)).toEqual(refused(404, 'Project not found'));
    });
  });

  describe('secrets', () => {
    it('are known to workers who were granted tasks, and to managers with the role; pending ones wait', async () => {
      const id = await owner.project();
      const [asks, submits] = [await guest.worker('asks'), await guest.worker('submits')];
      const secret = (caller: TaskTrackerClient, of: number | string = id) => get(caller, `/project/secret/${of}`);
      expect(await secret(owner)).toEqual({ status: 200, body: { ok: true, content: { secret: '{}' } } });
      expect(await post(owner, `/project/secret/${id}`, { secret: 'the "secret"' })).toEqual(OK);
      const known = { status: 200, body: { ok: true, content: { secret: 'the "secret"' } } };
      for (const caller of [guest, stranger, worker, asks]) expect(await secret(caller)).toEqual(UNAUTHORISED);
      await asks.accepted('/project/request_access', { project: id, assign: true, submit: true });
      expect(await secret(asks)).toEqual(UNAUTHORISED);
      await owner.accepted(`/project/accept_request/${id}/${asks.id}`);
      await owner.grant(submits, id, { submit: true });
      expect(await secret(asks)).toEqual(known);
      expect(await secret(submits)).toEqual(UNAUTHORISED);
      expect(await secret(admin)).toEqual(known);
      // a worker is asked for as one, whatever cookie comes along; one that nobody knows is a manager
      expect(await secret(owner.with({ ...owner.headers, ...worker.headers }))).toEqual(UNAUTHORISED);
      expect(await secret(owner.with({ ...owner.headers, ...worker.headers, 'X-Secret': 'None' }))).toEqual(known);
      expect(await secret(guest, 'abc')).toEqual(refused(400, 'Invalid project id'));
      expect(await secret(admin, NOTHING)).toEqual({ status: 200, body: { ok: true, content: { secret: '' } } });
      expect(await secret(asks, NOTHING)).toEqual(UNAUTHORISED);
      await owner.accepted(`/project/reject_request/${id}/${asks.id}`);
      expect(await secret(asks)).toEqual(UNAUTHORISED);
    });

    it('are set by those with the role, who are asked for before the body is read', async () => {
      const id = await owner.project();
      const set = (caller: TaskTrackerClient, body: unknown, of: number | string = id) =>
        post(caller, `/project/secret/${of}`, body);
      expect(await set(guest, 'nonsense', 'abc')).toEqual(refused(400, 'Invalid project id'));
      for (const caller of [guest, stranger, worker]) expect(await set(caller, 'nonsense')).toEqual(UNAUTHORISED);
      for (const body of ['nonsense', { secret: {} }]) expect(await set(owner, body)).toEqual(UNREADABLE);
      expect(await set(admin, { secret: 'x' }, NOTHING)).toEqual(refused(404, 'Project not found'));
      expect((await get(owner, `/project/secret/${id}`)).body).toEqual({ ok: true, content: { secret: '{}' } });
    });

    it('of webhooks are random at first, and set by those with the role, for whom the body is read first', async () => {
      const id = await owner.project();
      const path = `/project/webhook_secret/${id}`;
      expect((await owner.get(path)).body.content.webhook_secret).toMatch(/^[0-9a-f-]{36}$/);
      expect(await get(guest, '/project/webhook_secret/abc')).toEqual(refused(400, 'Invalid project id'));
      expect(await post(guest, '/project/webhook_secret/abc', 'nonsense')).toEqual(refused(400, 'Invalid project id'));
      await owner.grant(worker, id, { assign: true });
      for (const caller of [guest, stranger, worker]) {
        expect(await get(caller, path)).toEqual(UNAUTHORISED);
        expect(await post(caller, path, 'nonsense')).toEqual(UNREADABLE);
        expect(await post(caller, path, { webhook_secret: 'mine' })).toEqual(UNAUTHORISED);
      }
      expect(await post(owner, path, { webhook_secret: 'new' })).toEqual(OK);
      expect(await get(admin, path)).toEqual({ status: 200, body: { ok: true, content: { webhook_secret: 'new' } } });
      expect(await post(admin, `/project/webhook_secret/${NOTHING}`, {})).toEqual(refused(404, 'Project not found'));
    });
  });

  describe('access', () => {
    const HAS_ACCESS =
      'Project is public, you already have an active request or you already have access to this project';
    const NO_ACCESS = { status: 200, body: { ok: false, message: 'Worker did not have access to this project' } };

    it('is asked for by workers: first the request is looked at, then the worker', async () => {
      const id = await owner.project();
      const ask = (caller: TaskTrackerClient, body: unknown) => post(caller, '/project/request_access', body);
      for (const body of ['nonsense', '', { project: '1' }, { project: id, assign: 'yes' }])
        expect(await ask(guest, body)).toEqual(UNREADABLE);
      for (const body of ['null', {}, { project: id }, { project: id, assign: false, submit: false }])
        expect(await ask(guest, body)).toEqual(refused(400, 'Invalid request'));
      const wanted = { project: id, assign: true, submit: false };
      expect(await ask(guest, wanted)).toEqual(refused(401, 'worker id not specified'));
      expect(await ask(worker.with({ ...worker.headers, 'X-Secret': 'x' }), wanted)).toEqual(
        refused(401, 'invalid secret'),
      );
      expect(await ask(worker, wanted)).toEqual(OK);
      expect(await ask(worker, { ...wanted, submit: true })).toEqual(refused(400, HAS_ACCESS));
      for (const nothing of [NOTHING, '123456', '0', '-1'])
        expect(await ask(worker, `{"project":${nothing},"assign":true}`)).toEqual(refused(400, HAS_ACCESS));
      for (const fields of [{ public: true }, { hidden: true }])
        expect(await ask(worker, { ...wanted, project: await admin.project(fields) })).toEqual(OK);
    });

    it('is granted, refused and taken away by managers with the role', async () => {
      const id = await owner.project();
      const [one, two] = [await guest.worker('b'), await guest.worker('')];
      await one.accepted('/project/request_access', { project: id, assign: true, submit: false });
      await two.accepted('/project/request_access', { project: id, assign: true, submit: true });
      const list = () => get(owner, `/project/access_list/${id}`);
      const entry = (of: WorkerClient, alias: string, access: object) => ({
        ...access,
        worker: { id: of.id, created: expect.any(Number), alias, secret: null, paused: false },
        project: id,
      });
      const accesses = (...entries: object[]) => ({ status: 200, body: { ok: true, content: { accesses: entries } } });
      const [pendingOne, pendingTwo] = [
        entry(one, 'b', { submit: false, assign: true, request: true }),
        entry(two, 'default_alias', { submit: true, assign: true, request: true }),
      ];
      expect(await list()).toEqual(accesses(pendingOne, pendingTwo));
      expect((await owner.get(`/project/access_list/${id}`)).text).not.toContain(one.secret);
      for (const caller of [guest, stranger, one]) {
        expect(await get(caller, `/project/access_list/${id}`)).toEqual(UNAUTHORISED);
        expect(await post(caller, `/project/accept_request/${id}/${one.id}`)).toEqual(UNAUTHORISED);
        expect(await post(caller, `/project/reject_request/${id}/${one.id}`)).toEqual(UNAUTHORISED);
      }
      expect(await list()).toEqual(accesses(pendingOne, pendingTwo));
      for (let i = 0; i < 2; i += 1)
        expect(await post(owner, `/project/accept_request/${id}/${two.id}`, 'ignored')).toEqual(OK);
      expect(await list()).toEqual(accesses({ ...pendingTwo, request: false }, pendingOne));
      expect(await post(owner, `/project/reject_request/${id}/${one.id}`)).toEqual(OK);
      expect(await post(owner, `/project/reject_request/${id}/${two.id}`)).toEqual(OK);
      expect(await list()).toEqual(accesses());
      expect(await post(owner, `/project/reject_request/${id}/${one.id}`)).toEqual(NO_ACCESS);
      expect(await post(owner, `/project/accept_request/${id}/${one.id}`)).toEqual(NO_ACCESS);
    });

    it('has ids that are numbers; those of nothing change nothing', async () => {
      const id = await owner.project();
      expect(await get(guest, '/project/access_list/abc')).toEqual(refused(400, 'Invalid worker id'));
      expect(await post(guest, '/project/accept_request/abc/1')).toEqual(refused(400, 'Invalid worker id'));
      expect(await post(guest, `/project/accept_request/${id}/abc`)).toEqual(refused(400, 'Invalid worker id'));
      expect(await post(guest, '/project/reject_request/abc/1')).toEqual(refused(400, 'Invalid project id'));
      expect(await post(guest, `/project/reject_request/${id}/abc`)).toEqual(refused(400, 'Invalid worker id'));
      for (const path of ['accept_request', 'reject_request']) {
        expect(await post(owner, `/project/${path}/${id}/${NOTHING}`)).toEqual(NO_ACCESS);
        expect(await post(owner, `/project/${path}/${NOTHING}/${worker.id}`)).toEqual(UNAUTHORISED);
        expect(await post(admin, `/project/${path}/${NOTHING}/${NOTHING}`)).toEqual(NO_ACCESS);
      }
      expect((await get(admin, `/project/access_list/${NOTHING}`)).body).toEqual({
        ok: true,
        content: { accesses: [] },
      });
    });
  });
});
