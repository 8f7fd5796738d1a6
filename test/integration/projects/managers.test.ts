import { createHash } from 'node:crypto';
import { type Manager, Managers, Projects, type Session } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';

const NOBODY = 99_999_999_999n;

describe('managers', () => {
  let engine: TestEngine;
  let managers: Managers;
  let first: Manager[];

  beforeAll(async () => {
    engine = await TestEngine.start();
    managers = engine.get(Managers);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => managers.register(`first ${n}`, 'password', 60)),
    );
    first = answers.map((answer) => (answer as { manager: Manager }).manager);
  });
  afterAll(() => engine.stop());

  async function registered(username: string): Promise<{ manager: Manager; session: Session }> {
    const answer = await managers.register(username, `${username}'s password`, 60);
    if (answer === 'name_taken') throw new Error(answer);
    return answer;
  }

  it('of those who register first at once, exactly one is an admin', () => {
    expect(first.filter(({ admin }) => admin)).toHaveLength(1);
    expect(first.find(({ admin }) => admin)!.id).toBe(Math.min(...first.map(({ id }) => id)));
  });

  it('of several who register with one name at once, one does', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => managers.register('same', 'password', 60)));
    expect(answers.filter((answer) => answer === 'name_taken')).toHaveLength(5);
    expect(await managers.register('same', 'other password', 60)).toBe('name_taken');
    expect(await managers.login('same', 'other password', 60)).toBeUndefined();
  });

  it('are known by name and password, and by nothing else', async () => {
    const { manager } = await registered('zoë');
    expect((await managers.login('zoë', "zoë's password", 60))!.manager).toEqual(manager);
    for (const [name, password] of [
      ['zoë', 'wrong'],
      ['zoë', ''],
      ['Zoë', "zoë's password"],
      ['nobody', 'password'],
      ['', ''],
    ] as const)
      expect(await managers.login(name, password, 60)).toBeUndefined();
  });

  it('have passwords that are kept as salted scrypt hashes only, and sessions as digests', async () => {
    const { session } = await registered('secretive');
    const rows = await engine.query<{ password: string }>(`SELECT password FROM manager`);
    for (const { password } of rows)
      expect(password).toMatch(/^scrypt\$32768\$8\$1\$[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=$/);
    expect(new Set(rows.map(({ password }) => password)).size).toBe(rows.length);
    const digest = createHash('sha256').update(session.token).digest();
    expect(await engine.query(`SELECT 1 FROM manager_session WHERE digest = $1`, [digest])).toHaveLength(1);
    expect(session.token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('have a new session at every login, each of which ends by itself alone', async () => {
    const { manager, session } = await registered('often');
    const login = async (seconds = 60) => (await managers.login('often', "often's password", seconds))!.session;
    const [second, third] = [await login(), await login()];
    expect(new Set([session.token, second.token, third.token]).size).toBe(3);
    await managers.logout(second.token);
    expect(await managers.bySession(second.token)).toBeUndefined();
    expect(await managers.bySession(session.token)).toEqual(manager);
    expect(await managers.bySession(third.token)).toEqual(manager);
    expect(await managers.bySession('')).toBeUndefined();
    expect(await managers.bySession('nonsense')).toBeUndefined();
    await managers.logout('nonsense');
    const age = (third.expiresAt.getTime() - Date.now()) / 1_000;
    expect(age).toBeGreaterThan(50);
    expect(age).toBeLessThanOrEqual(61);
  });

  it('are no longer logged in when their sessions are over, which later logins clear away', async () => {
    const { session } = await registered('expired');
    await engine.query(`UPDATE manager_session SET expires_at = now() WHERE digest = $1`, [
      createHash('sha256').update(session.token).digest(),
    ]);
    expect(await managers.bySession(session.token)).toBeUndefined();
    await managers.login('expired', "expired's password", 60);
    expect(await engine.query(`SELECT 1 FROM manager_session WHERE expires_at <= now()`)).toEqual([]);
  });

  it('are admins, or no longer, in the sessions that they have already', async () => {
    const { manager, session } = await registered('promoted');
    await managers.setAdmin(BigInt(manager.id), true);
    expect((await managers.bySession(session.token))!.admin).toBe(true);
    await managers.setAdmin(BigInt(manager.id), false);
    expect((await managers.bySession(session.token))!.admin).toBe(false);
    await managers.setAdmin(NOBODY, true);
  });

  it('have the roles that they are given, bit by bit; an admin has all of them everywhere', async () => {
    const { manager: owner } = await registered('owner');
    const { manager } = await registered('helper');
    const admin = first.find((one) => one.admin)!;
    const made = await engine.get(Projects).create(
      {
        name: 'roles',
        cloneUrl: '',
        gitRepo: '',
        version: '',
        priority: 0n,
        motd: '',
        public: false,
        hidden: false,
        chainId: null,
        assignRate: null,
        submitRate: null,
      },
      owner,
    );
    const project = BigInt((made as { id: number }).id);
    const id = BigInt(manager.id);
    expect(await managers.allows(manager, project, 1)).toBe(false);
    expect(await managers.allows(undefined, project, 31)).toBe(false);
    expect(await managers.allows(admin, project, 16)).toBe(true);
    expect(await managers.allows(admin, NOBODY, 16)).toBe(true);
    expect(await managers.allows(owner, NOBODY, 1)).toBe(false);
    expect(await managers.setRole(id, project, 5n)).toBe(true);
    expect(await Promise.all([1, 2, 4, 8, 16, 31].map((bit) => managers.allows(manager, project, bit)))).toEqual([
      true,
      false,
      true,
      false,
      false,
      true,
    ]);
    for (const role of [255n, -1n, 32_767n, -32_768n]) expect(await managers.setRole(id, project, role)).toBe(true);
    expect(await managers.ofProject(project)).toEqual([
      { manager: owner, role: 31 },
      { manager, role: -32_768 },
    ]);
    for (const role of [32_768n, -32_769n, 2n ** 63n - 1n])
      expect(await managers.setRole(id, project, role)).toBe(false);
    for (const role of [0n, 1n]) {
      expect(await managers.setRole(NOBODY, project, role)).toBe(false);
      expect(await managers.setRole(id, NOBODY, role)).toBe(false);
    }
    expect(await managers.setRole(id, project, 0n)).toBe(true);
    expect(await managers.setRole(id, project, 0n)).toBe(true);
    expect(await managers.ofProject(project)).toEqual([{ manager: owner, role: 31 }]);
    expect(await managers.ofProject(NOBODY)).toEqual([]);
  });

  it('are refused, not kept waiting for ever, while too many want to log in', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 60 }, () => managers.login('nobody at all', 'password', 60)),
    );
    const refused = tries.filter((one) => one.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'unavailable' });
    expect(tries.filter((one) => one.status === 'fulfilled').length).toBeGreaterThanOrEqual(50);
  });
});
