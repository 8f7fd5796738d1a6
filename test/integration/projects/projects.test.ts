import { Database } from '@task-engine/database';
import { ClientKeys, type Manager, Managers, Projects, type ProjectFields, ROLE } from '@task-engine/engine';
import { eventually } from '../../support/eventually';
import { TestEngine } from '../../support/start-engine';

const NOWHERE = 99_999_999_999n;

describe('projects', () => {
  let engine: TestEngine;
  let projects: Projects;
  let managers: Managers;
  let admin: Manager;
  let manager: Manager;

  beforeAll(async () => {
    engine = await TestEngine.start();
    projects = engine.get(Projects);
    managers = engine.get(Managers);
    admin = await registered('admin');
    manager = await registered('manager');
  });
  afterAll(() => engine.stop());

  async function registered(username: string): Promise<Manager> {
    const answer = await managers.register(username, 'password', 60);
    if (answer === 'name_taken') throw new Error(answer);
    return answer.manager;
  }

  const fields = (changes: Partial<ProjectFields> = {}): ProjectFields => ({
    name: 'crawl',
    cloneUrl: 'http://github.com/test/test',
    gitRepo: 'test/test',
    version: '1.0',
    priority: 999n,
    motd: 'hello',
    public: false,
    hidden: false,
    chainId: null,
    assignRate: null,
    submitRate: null,
    ...changes,
  });

  async function created(changes: Partial<ProjectFields> = {}): Promise<bigint> {
    const answer = await projects.create(fields({ name: `project ${Math.random()}`, ...changes }), manager);
    if (typeof answer === 'string') throw new Error(answer);
    return BigInt(answer.id);
  }

  const counts = async () => {
    const [row] = await engine.query<object>(
      `SELECT (SELECT count(*)::int FROM project) AS projects, (SELECT count(*)::int FROM lane) AS lanes,
              (SELECT count(*)::int FROM project_role) AS roles`,
    );
    return row!;
  };

  it('has a lane that workers pull from, a secret for its webhook, and a creator who may do everything', async () => {
    const id = await created({ priority: 9_223_372_036_854_775_807n, assignRate: 2, submitRate: -1 });
    const project = (await projects.find(id))!;
    expect(project).toMatchObject({
      priority: 9_223_372_036_854_775_807n,
      gitRepo: 'test/test',
      chainId: null,
      paused: false,
      assignRate: 2,
      submitRate: -1,
    });
    expect(
      await engine.query(`SELECT id, max_running, pulled, paused FROM lane WHERE name = $1`, [`project/${id}`]),
    ).toEqual([{ id: project.laneId, max_running: 2_147_483_647, pulled: true, paused: false }]);
    expect(await engine.stores.clients.find('task-tracker/projects')).toBeDefined();
    // who had a key of that client would see the tasks of all projects
    await expect(engine.get(ClientKeys).create('task-tracker/projects')).rejects.toThrow('letters, digits');
    expect(await projects.secret(id)).toBe('{}');
    expect(await projects.webhookSecret(id)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(await managers.ofProject(id)).toEqual([{ manager, role: 31 }]);
    for (const role of Object.values(ROLE)) expect(await managers.allows(manager, id, role)).toBe(true);
  });

  it('of 20 creations with one name, one wins and the others leave nothing behind', async () => {
    const before = await counts();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => projects.create(fields({ name: 'wanted by all' }), manager)),
    );
    expect(answers.filter((answer) => answer === 'name_taken')).toHaveLength(19);
    expect(await counts()).toEqual(
      Object.fromEntries(Object.entries(before).map(([name, count]) => [name, (count as number) + 1])),
    );
  });

  it('is not made with a chain that leads nowhere', async () => {
    const before = await counts();
    expect(await projects.create(fields({ name: 'chained', chainId: NOWHERE }), manager)).toBe('no_chain_target');
    expect(await projects.create(fields({ name: 'chained', chainId: 123_456n }), manager)).toBe('no_chain_target');
    expect(await counts()).toEqual(before);
  });

  it('is replaced as a whole by an update, which pauses its lane and forgets what its rates have used up', async () => {
    const target = await created();
    const id = await created({ motd: 'gone', hidden: true });
    await engine.query(
      `UPDATE project SET assign_free_at = now() + interval '1 hour', submit_free_at = now() WHERE id = $1`,
      [Number(id)],
    );
    const replaced = fields({ name: 'replaced', motd: '', chainId: target, assignRate: 0.5, version: '2' });
    expect(await projects.update(id, { ...replaced, paused: true })).toBe('ok');
    expect(await projects.find(id)).toEqual({
      ...replaced,
      id: Number(id),
      laneId: expect.any(Number),
      chainId: Number(target),
      paused: true,
    });
    expect((await engine.stores.lanes.findByName(`project/${id}`))!.paused).toBe(true);
    expect(
      await engine.query(
        `SELECT 1 FROM project WHERE id = $1 AND assign_free_at = '-infinity' AND submit_free_at = '-infinity'`,
        [Number(id)],
      ),
    ).toHaveLength(1);
    expect(await projects.update(id, { ...replaced, paused: false })).toBe('ok');
    expect((await engine.stores.lanes.findByName(`project/${id}`))!.paused).toBe(false);
  });

  it('waits with a pause for whoever is deciding about its lane', async () => {
    const id = await created();
    const { laneId } = (await projects.find(id))!;
    let update: Promise<unknown> | undefined;
    await engine.get(Database).transaction(async (stores) => {
      await stores.lanes.lock(laneId);
      update = projects.update(id, { ...fields({ name: 'paused' }), paused: true });
      await eventually(async () =>
        expect(
          await engine.query(
            `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          ),
        ).toHaveLength(1),
      );
      expect((await projects.find(id))!.paused).toBe(false);
    });
    await update;
    expect((await projects.find(id))!.paused).toBe(true);
  });

  it('is not changed at all by an update that is refused', async () => {
    const other = await created({ name: 'other name' });
    const id = await created();
    const before = await projects.find(id);
    const update = (changes: Partial<ProjectFields>, of = id) =>
      projects.update(of, { ...fields({ name: 'refused', ...changes }), paused: true });
    expect(await update({ name: 'other name' })).toBe('name_taken');
    expect(await update({ chainId: id })).toBe('chains_to_itself');
    expect(await update({ chainId: NOWHERE })).toBe('no_chain_target');
    expect(await update({}, NOWHERE)).toBe('unknown');
    expect(await update({}, -1n)).toBe('unknown');
    expect(await projects.find(id)).toEqual(before);
    expect((await projects.find(other))!.name).toBe('other name');
  });

  it('is listed by name; a hidden one only for those who may read it', async () => {
    const hidden = await created({ name: 'aaa hidden', hidden: true });
    const shown = await created({ name: 'bbb shown' });
    const reader = await registered('reader');
    const stranger = await registered('stranger');
    await managers.setRole(BigInt(reader.id), hidden, 1n);
    await managers.setRole(BigInt(stranger.id), hidden, 30n);
    const seen = async (who?: Manager) => (await projects.list(who)).map(({ id }) => BigInt(id));
    for (const who of [admin, manager, reader]) expect((await seen(who)).slice(0, 2)).toEqual([hidden, shown]);
    for (const who of [stranger, undefined]) {
      expect(await seen(who)).not.toContain(hidden);
      expect(await seen(who)).toContain(shown);
    }
  });

  it('has secrets that are replaced, and none where there is no project', async () => {
    const id = await created();
    expect(await projects.setSecret(id, 'one')).toBe(true);
    expect(await projects.setWebhookSecret(id, 'two')).toBe(true);
    expect([await projects.secret(id), await projects.webhookSecret(id)]).toEqual(['one', 'two']);
    expect([await projects.secret(NOWHERE), await projects.webhookSecret(NOWHERE)]).toEqual([undefined, undefined]);
    expect([await projects.setSecret(NOWHERE, ''), await projects.setWebhookSecret(NOWHERE, '')]).toEqual([
      false,
      false,
    ]);
  });

  it('takes the version of a signed push to its repository, in whatever case; the first of several such projects does', async () => {
    const id = await created({ gitRepo: 'Some/Repository' });
    const later = await created({ gitRepo: 'some/repository' });
    const secret = await projects.webhookSecret(id);
    const signed = (given: string) => given === secret;
    expect(await projects.push('SOME/repository', 'abc', signed)).toBe('ok');
    expect((await projects.find(id))!.version).toBe('abc');
    expect((await projects.find(later))!.version).toBe('1.0');
    expect(await projects.push('some/repository', 'def', () => false)).toBe('wrong_signature');
    expect(await projects.push('nobody/nothing', 'def', () => true)).toBe('unknown');
    await projects.setWebhookSecret(id, '');
    expect(await projects.push('some/repository', 'def', () => true)).toBe('wrong_signature');
    expect((await projects.find(id))!.version).toBe('abc');
  });
});
