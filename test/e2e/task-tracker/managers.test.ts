import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { cookieOf, TaskTrackerClient } from './task-tracker-client';

const UNAUTHORISED = { ok: false, message: 'Unauthorized' };
const UNREADABLE = { ok: false, message: 'Could not parse request' };
const NOBODY = '99999999999';

describe('managers', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: { id: number; caller: TaskTrackerClient };
  let manager: { id: number; caller: TaskTrackerClient };

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    guest = new TaskTrackerClient(suite.url);
    admin = await joined('admin');
    manager = await joined('manager');
  });
  afterAll(() => suite?.stop());

  async function joined(username: string): Promise<{ id: number; caller: TaskTrackerClient }> {
    const caller = await guest.manager(username, 'password');
    return { id: (await caller.get('/account')).body.content.manager.id, caller };
  }

  const shown = (answer: { status: number; body: unknown }) => ({ status: answer.status, body: answer.body });

  it('register, and are logged in then; the very first one is an admin', async () => {
    const registered = await guest.post('/register', { username: 'new', password: '12345678', repeatPassword: 'x' });
    expect(shown(registered)).toEqual({ status: 200, body: { ok: true } });
    expect(registered.headers['content-type']).toBe('application/json');
    expect(registered.headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^tt=[A-Za-z0-9_-]{43}; expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT; path=\/; HttpOnly; SameSite=Lax$/,
      ),
    ]);
    const expires = /expires=([^;]+)/.exec(registered.headers['set-cookie']![0]!)![1]!;
    expect(Math.abs(Date.parse(expires) - Date.now() - 28_800_000)).toBeLessThan(60_000);
    const account = await guest.with({ cookie: cookieOf(registered) }).get('/account');
    expect(shown(account)).toEqual({
      status: 200,
      body: {
        ok: true,
        content: {
          logged_in: true,
          manager: { id: expect.any(Number), username: 'new', tracker_admin: false, register_time: expect.any(Number) },
        },
      },
    });
    expect(Math.abs(account.body.content.manager.register_time - Date.now() / 1_000)).toBeLessThan(60);
    expect((await admin.caller.get('/account')).body.content.manager.tracker_admin).toBe(true);
  });

  it('register with a name of 3 to 16 bytes that nobody has, and a password of 8 bytes at least', async () => {
    const invalid = { status: 400, body: { ok: false, message: 'Invalid register request' } };
    for (const [username, password] of [
      ['ab', 'password'],
      ['a'.repeat(17), 'password'],
      ['é'.repeat(9), 'password'],
      ['abc', '1234567'],
      ['', ''],
    ])
      expect(shown(await guest.post('/register', { username, password }))).toEqual(invalid);
    expect(shown(await guest.post('/register', 'null'))).toEqual(invalid);
    expect(shown(await guest.post('/register', '{}'))).toEqual(invalid);
    for (const body of ['', '[]', '{"username":5}', '{"username":"abc\\u0000","password":"password"}'])
      expect(shown(await guest.post('/register', body))).toEqual({ status: 400, body: UNREADABLE });
    expect((await guest.post('/register', { username: 'é'.repeat(8), password: 'éééé' })).status).toBe(200);
    expect((await guest.post('/register', { USERNAME: 'abc', Password: '12345678' })).status).toBe(200);
    const taken = await guest.post('/register', { username: 'admin', password: 'password' });
    expect(shown(taken)).toEqual({
      status: 400,
      body: { ok: false, message: 'pq: duplicate key value violates unique constraint "manager_username_key"' },
    });
    expect(taken.headers['set-cookie']).toBeUndefined();
  });

  it('log in by name and password, each time with a new session, never with one that they brought', async () => {
    const mine = guest.with({ cookie: 'tt=chosen-by-somebody' });
    const [one, two] = [
      await mine.post('/login', { username: 'manager', password: 'password' }),
      await mine.post('/login', { username: 'manager', password: 'password' }),
    ];
    expect(shown(one)).toEqual({
      status: 200,
      body: {
        ok: true,
        content: {
          manager: { id: manager.id, username: 'manager', tracker_admin: false, register_time: expect.any(Number) },
        },
      },
    });
    expect(cookieOf(one)).not.toBe(cookieOf(two));
    expect(cookieOf(one)).not.toContain('chosen');
    expect((await mine.get('/account')).body).toEqual({ ok: false, content: { logged_in: false } });
    // logging in again ends the session that came along
    const again = guest.with({ cookie: cookieOf(one) });
    expect((await again.post('/login', { username: 'manager', password: 'password' })).status).toBe(200);
    expect((await again.get('/account')).body.ok).toBe(false);
    expect((await guest.with({ cookie: `other=1; ${cookieOf(two)}` }).get('/account')).body.ok).toBe(true);
  });

  it('are told the same of an unknown name as of a wrong password', async () => {
    for (const body of [
      { username: 'manager', password: 'wrong password' },
      { username: 'nobody', password: 'password' },
      { username: '', password: '' },
      {},
    ]) {
      const answer = await guest.post('/login', body);
      expect(shown(answer)).toEqual({ status: 403, body: { ok: false, message: 'Invalid username/password' } });
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
    expect(shown(await guest.post('/login', '{"username"'))).toEqual({ status: 400, body: UNREADABLE });
  });

  it('log out, which ends their session whatever cookie is kept', async () => {
    const { caller } = await joined('leaving');
    const left = await caller.get('/logout');
    expect([left.status, left.text]).toEqual([204, '']);
    expect(shown(await caller.get('/account'))).toEqual({
      status: 200,
      body: { ok: false, content: { logged_in: false } },
    });
    expect((await caller.get('/logout')).status).toBe(204);
    expect((await guest.get('/logout')).status).toBe(204);
  });

  it('are listed for those who are logged in', async () => {
    expect(shown(await guest.get('/manager/list'))).toEqual({ status: 401, body: UNAUTHORISED });
    const listed = await manager.caller.get('/manager/list');
    expect(listed.body.content.managers).toContainEqual({
      id: admin.id,
      username: 'admin',
      tracker_admin: true,
      register_time: expect.any(Number),
    });
    expect(listed.text).not.toContain('scrypt');
  });

  it('are promoted and demoted by admins, which holds in the sessions that they have', async () => {
    const { id, caller } = await joined('promoted');
    const isAdmin = async () => (await caller.get('/account')).body.content.manager.tracker_admin as boolean;
    for (const [path, refused] of [
      ['promote', 401],
      ['demote', 403],
    ] as const) {
      expect(shown(await guest.get(`/manager/${path}/abc`))).toEqual({
        status: 400,
        body: { ok: false, message: 'Invalid manager id' },
      });
      expect(shown(await guest.get(`/manager/${path}/4`))).toEqual({ status: 401, body: UNAUTHORISED });
      expect(shown(await manager.caller.get(`/manager/${path}/${id}`))).toEqual({
        status: refused,
        body: UNAUTHORISED,
      });
      expect(shown(await admin.caller.get(`/manager/${path}/${admin.id}`))).toEqual({
        status: refused,
        body: UNAUTHORISED,
      });
      for (const nobody of [NOBODY, '0', '-1', '9223372036854775807'])
        expect(await admin.caller.get(`/manager/${path}/${nobody}`)).toMatchObject({ status: 204, text: '' });
      expect((await admin.caller.get(`/manager/${path}/9223372036854775808`)).status).toBe(400);
    }
    expect(await isAdmin()).toBe(false);
    expect((await admin.caller.get(`/manager/promote/+0${id}`)).status).toBe(204);
    expect(await isAdmin()).toBe(true);
    expect((await caller.get(`/manager/demote/${admin.id}`)).status).toBe(204);
    expect((await caller.get(`/manager/promote/${admin.id}`)).status).toBe(204);
    expect((await admin.caller.get(`/manager/demote/${id}`)).status).toBe(204);
    expect(await isAdmin()).toBe(false);
  });

  it('have roles in projects, given by those who may', async () => {
    const project = await manager.caller.project({ name: 'roles' });
    const helper = await joined('helper');
    const set = (caller: TaskTrackerClient, body: unknown, id: number | string = project) =>
      caller.post(`/manager/set_role_for_project/${id}`, body);
    const roles = async () => (await helper.caller.get(`/manager/list_for_project/${project}`)).body.content.managers;
    const owner = { manager: expect.objectContaining({ id: manager.id, username: 'manager' }), role: 31 };

    expect(await roles()).toEqual([owner]);
    expect(shown(await set(manager.caller, { manager: helper.id, role: 5 }))).toEqual({
      status: 200,
      body: { ok: true },
    });
    expect(await roles()).toEqual([owner, { manager: expect.objectContaining({ id: helper.id }), role: 5 }]);
    for (const role of [255, -1]) expect((await set(helper.caller, { manager: helper.id, role })).status).toBe(200);
    expect((await roles())[1].role).toBe(-1);
    expect((await set(manager.caller, { manager: helper.id, role: 0 })).status).toBe(200);
    expect(await roles()).toEqual([owner]);

    expect(shown(await set(guest, 'nonsense', 'abc'))).toEqual({
      status: 400,
      body: { ok: false, message: 'Invalid project id' },
    });
    expect(shown(await set(guest, 'nonsense'))).toEqual({ status: 400, body: UNREADABLE });
    for (const caller of [guest, helper.caller])
      expect(shown(await set(caller, { manager: helper.id, role: 31 }))).toEqual({ status: 403, body: UNAUTHORISED });
    for (const body of [
      { manager: 123_456, role: 1 },
      { manager: 123_456, role: 0 },
      `{"manager":${NOBODY},"role":1}`,
      { manager: helper.id, role: 32_768 },
      `{"manager":${helper.id},"role":9223372036854775807}`,
      {},
    ])
      expect(shown(await set(manager.caller, body))).toEqual({
        status: 400,
        body: { ok: false, message: 'Invalid manager, project or role' },
      });
    expect((await set(admin.caller, { manager: helper.id, role: 1 }, NOBODY)).status).toBe(400);
    expect(await roles()).toEqual([owner]);
  });

  it('of a project are listed for those who are logged in, with or without a role', async () => {
    expect(shown(await guest.get('/manager/list_for_project/abc'))).toEqual({
      status: 400,
      body: { ok: false, message: 'Invalid project id' },
    });
    expect(shown(await guest.get('/manager/list_for_project/1'))).toEqual({ status: 401, body: UNAUTHORISED });
    expect(shown(await manager.caller.get(`/manager/list_for_project/${NOBODY}`))).toEqual({
      status: 200,
      body: { ok: true, content: { managers: [] } },
    });
  });

  it('are not made to do anything by pages of other sites', async () => {
    const { id } = await joined('victim');
    const worker = await guest.worker();
    const project = await admin.caller.project({ name: 'other sites' });
    const before = await Promise.all(
      ['/manager/list', '/project/list', '/worker/stats'].map((path) => admin.caller.get(path)),
    );
    const port = new URL(suite.url).port;
    const elsewhere: Record<string, string>[] = [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'cross-site', Origin: suite.url },
      { Origin: 'http://evil.example' },
      { Origin: 'null' },
      { Origin: `http://evil.example:${port}` },
    ];
    for (const headers of elsewhere) {
      const page = guest.with({ ...admin.caller.headers, ...headers });
      for (const path of [`/manager/promote/${id}`, `/manager/demote/${id}`, '/logout'])
        expect(shown(await page.get(path))).toEqual({ status: 403, body: UNAUTHORISED });
      for (const [path, body] of [
        [`/manager/set_role_for_project/${project}`, { manager: id, role: 31 }],
        ['/worker/set_paused', { worker: worker.id, paused: true }],
        ['/project/create', { name: 'made by a page' }],
        [`/project/update/${project}`, { name: 'changed by a page' }],
        [`/project/accept_request/${project}/${worker.id}`, undefined],
        [`/project/reject_request/${project}/${worker.id}`, undefined],
        [`/project/secret/${project}`, { secret: 'known' }],
        [`/project/webhook_secret/${project}`, { webhook_secret: 'known' }],
        ['/login', { username: 'admin', password: 'password' }],
        ['/register', { username: 'page', password: 'password' }],
      ] as const)
        expect(shown(await page.post(path, body))).toEqual({ status: 403, body: UNAUTHORISED });
    }
    const after = await Promise.all(
      ['/manager/list', '/project/list', '/worker/stats'].map((path) => admin.caller.get(path)),
    );
    expect(after.map(({ body }) => body)).toEqual(before.map(({ body }) => body));
    const here: Record<string, string>[] = [
      { Origin: suite.url },
      { 'Sec-Fetch-Site': 'same-origin' },
      { 'Sec-Fetch-Site': 'none' },
    ];
    for (const headers of here) expect((await admin.caller.get(`/manager/demote/${id}`, { headers })).status).toBe(204);
  });
});

describe('the cookie of a login', () => {
  it('has the name, the attributes and the life that are configured', async () => {
    const suite = await startSuite({
      apps: ['api-gateway'],
      env: {
        TASK_TRACKER_COOKIE_NAME: 'tt_test',
        TASK_TRACKER_COOKIE_SAME_SITE: 'Strict',
        TASK_TRACKER_COOKIE_SECURE: 'true',
        TASK_TRACKER_SESSION_SECONDS: '1',
      },
    });
    try {
      const guest = new TaskTrackerClient(suite.url);
      const registered = await guest.post('/register', { username: 'admin', password: 'password' });
      const expires = expect.stringMatching(
        /^tt_test=[^;]+; expires=[^;]+ GMT; path=\/; HttpOnly; SameSite=Strict; Secure$/,
      );
      expect(registered.headers['set-cookie']).toEqual([expires]);
      const known = guest.with({ cookie: cookieOf(registered) });
      // over for real: the server does not leave it to the browser
      await eventually(async () => expect((await known.get('/account')).body.content.logged_in).toBe(false));
    } finally {
      await suite.stop();
    }
  });
});
