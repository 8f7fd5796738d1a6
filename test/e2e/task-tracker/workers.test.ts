import { randomBytes } from 'node:crypto';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { TaskTrackerClient, type WorkerClient } from './task-tracker-client';

const OK = { status: 200, body: { ok: true } };
const UNREADABLE = { status: 400, body: { ok: false, message: 'Could not parse request' } };
const NOBODY = '99999999999';

const refused = (status: number, message: string) => ({ status, body: { ok: false, message } });

describe('workers', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: TaskTrackerClient;
  let manager: TaskTrackerClient;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    guest = new TaskTrackerClient(suite.url);
    admin = await guest.manager('admin');
    manager = await guest.manager('manager');
  });
  afterAll(() => suite?.stop());

  const shown = ({ status, body }: { status: number; body: unknown }) => ({ status, body });
  const get = async (caller: TaskTrackerClient, path: string) => shown(await caller.get(path));
  const post = async (caller: TaskTrackerClient, path: string, body?: unknown) => shown(await caller.post(path, body));
  const find = async (worker: WorkerClient) => (await guest.get(`/worker/get/${worker.id}`)).body.content.worker;

  it('are created with a secret that is shown here and then to admins only', async () => {
    const created = await guest.post('/worker/create', { alias: 'some alias' });
    expect(shown(created)).toEqual({
      status: 200,
      body: {
        ok: true,
        content: {
          worker: {
            id: expect.any(Number),
            created: expect.any(Number),
            alias: 'some alias',
            secret: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
            paused: false,
          },
        },
      },
    });
    const { worker } = created.body.content;
    expect(Object.keys(worker)).toEqual(['id', 'created', 'alias', 'secret', 'paused']);
    expect(Math.abs(worker.created - Date.now() / 1_000)).toBeLessThan(60);
    for (const caller of [guest, manager])
      expect(await get(caller, `/worker/get/${worker.id}`)).toEqual({
        status: 200,
        body: { ok: true, content: { worker: { ...worker, secret: null } } },
      });
    expect(await get(admin, `/worker/get/${worker.id}`)).toEqual({ status: 200, body: created.body });
  });

  it('are created without an alias, and never with the one that stands for nobody', async () => {
    for (const body of ['{}', 'null', '{"alias":null}', '{"alias":""}', { other: 5 }])
      expect((await guest.post('/worker/create', body)).body.content.worker.alias).toBe('default_alias');
    expect(await post(guest, '/worker/create', { alias: 'unassigned' })).toEqual(
      refused(403, 'You are now allowed to create a worker'),
    );
    // headers of clients that are no workers yet
    const created = await guest.post(
      '/worker/create',
      { ALIAS: 'Unassigned' },
      { headers: { 'X-Worker-Id': 'None', 'X-Secret': 'None' } },
    );
    expect(created.body.content.worker.alias).toBe('Unassigned');
  });

  it('are not created from a body that cannot be read, which is answered with nothing', async () => {
    const before = (await guest.get('/worker/stats')).text;
    for (const body of [
      undefined,
      '',
      '{',
      '[]',
      '{"alias":5}',
      '{"alias":"a\\u0000"}',
      '{"alias":"\\ud800"}',
      '\ufeff{}',
    ])
      expect(await guest.post('/worker/create', body)).toMatchObject({ status: 200, text: '' });
    expect((await guest.get('/worker/stats')).text).toBe(before);
  });

  it('are found by a number', async () => {
    const parse = (id: string, fault: string) => refused(400, `strconv.ParseInt: parsing "${id}": ${fault}`);
    expect(await get(guest, '/worker/get/abc')).toEqual(parse('abc', 'invalid syntax'));
    expect(await get(guest, '/worker/get/1.0')).toEqual(parse('1.0', 'invalid syntax'));
    expect(await get(guest, '/worker/get/9223372036854775808')).toEqual(
      parse('9223372036854775808', 'value out of range'),
    );
    for (const id of ['0', '-1', '-9223372036854775808'])
      expect(await get(guest, `/worker/get/${id}`)).toEqual(refused(400, 'Invalid worker id'));
    for (const id of [NOBODY, '9223372036854775807', '123456'])
      expect(await get(guest, `/worker/get/${id}`)).toEqual(refused(404, 'Worker not found'));
    const worker = await guest.worker();
    for (const id of [`+${worker.id}`, `0${worker.id}`, `%3${String(worker.id)[0]}${String(worker.id).slice(1)}`])
      expect((await get(guest, `/worker/get/${id}`)).status).toBe(200);
  });

  it('prove who they are by id and secret; what is wrong is told in this order', async () => {
    const worker = await guest.worker();
    const update = async (headers: Record<string, string>) =>
      shown(await guest.post('/worker/update', { alias: 'x' }, { headers }));
    const id = String(worker.id);
    const { secret } = worker;
    const cases: [Record<string, string>, string][] = [
      [{}, 'worker id not specified'],
      [{ 'X-Worker-Id': '', 'X-Secret': secret }, 'worker id not specified'],
      [{ 'X-Worker-Id': 'abc' }, 'secret is not specified'],
      [{ 'X-Worker-Id': id, 'X-Secret': '' }, 'secret is not specified'],
      [{ 'X-Worker-Id': 'abc', 'X-Secret': secret }, 'strconv.ParseInt: parsing "abc": invalid syntax'],
      [
        { 'X-Worker-Id': '9223372036854775808', 'X-Secret': secret },
        'strconv.ParseInt: parsing "9223372036854775808": value out of range',
      ],
      [{ 'X-Worker-Id': NOBODY, 'X-Secret': secret }, 'worker id does not match any valid worker'],
      [{ 'X-Worker-Id': '0', 'X-Secret': secret }, 'worker id does not match any valid worker'],
      ...[
        secret.slice(0, -1),
        `${secret}AAAA`,
        `${secret}x`,
        randomBytes(32).toString('base64'),
        randomBytes(100).toString('base64'),
        'None',
        '====',
        `${secret.slice(0, -2)}-=`,
      ].map((wrong): [Record<string, string>, string] => [{ 'X-Worker-Id': id, 'X-Secret': wrong }, 'invalid secret']),
    ];
    for (const [headers, message] of cases) expect(await update(headers)).toEqual(refused(401, message));
    expect((await find(worker)).alias).toBe('w');
    expect(await update({ 'x-WORKER-id': `+0${id}`, 'X-SECRET': secret })).toEqual(OK);
    expect((await find(worker)).alias).toBe('x');
  });

  it('take another alias, also none', async () => {
    const worker = await guest.worker();
    for (const body of ['nonsense', '', '[]', '{"alias":{}}', '{"alias":"a\\u0000"}'])
      expect(await post(worker, '/worker/update', body)).toEqual(UNREADABLE);
    expect(await post(worker, '/worker/update', { alias: 'another alias' })).toEqual(OK);
    expect((await find(worker)).alias).toBe('another alias');
    expect(await post(worker, '/worker/update', { alias: 'unassigned' })).toEqual(OK);
    expect(await post(worker, '/worker/update', {})).toEqual(OK);
    expect(await find(worker)).not.toHaveProperty('alias');
  });

  it('are paused by admins, who are asked for before the body is read, and stay so when they rename themselves', async () => {
    const worker = await guest.worker();
    const pause = (caller: TaskTrackerClient, body: unknown) => post(caller, '/worker/set_paused', body);
    for (const caller of [guest, manager, worker])
      for (const body of ['nonsense', { worker: worker.id, paused: true }])
        expect(await pause(caller, body)).toEqual(refused(403, 'Unauthorized'));
    for (const body of ['nonsense', { worker: String(worker.id) }, { worker: worker.id, paused: 1 }])
      expect(await pause(admin, body)).toEqual(UNREADABLE);
    for (const nobody of [NOBODY, '0', '-1', '9223372036854775807'])
      expect(await pause(admin, `{"worker":${nobody},"paused":true}`)).toEqual(refused(400, 'Invalid worker'));
    expect(await pause(admin, { worker: worker.id, paused: true })).toEqual(OK);
    expect((await find(worker)).paused).toBe(true);
    await worker.accepted('/worker/update', { alias: 'renamed' });
    expect(await find(worker)).toMatchObject({ alias: 'renamed', paused: true });
    expect(await pause(admin, { worker: worker.id })).toEqual(OK);
    expect((await find(worker)).paused).toBe(false);
  });

  it('are counted in statistics that everybody may see', async () => {
    const worker = await guest.worker('counted');
    const { status, body, text } = await guest.get('/worker/stats');
    expect(status).toBe(200);
    expect(body.content.stats).toContainEqual({
      alias: 'counted',
      closed_task_count: 0,
      paused: false,
      id: worker.id,
    });
    expect(text).not.toContain('secret');
  });
});
