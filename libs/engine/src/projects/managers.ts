import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database, type Stores } from '@task-engine/database';
import { Passwords } from './passwords';
import type { Manager, Role, Session } from './views';

/** Of a session's token. */
const TOKEN_BYTES = 32;
/** PostgreSQL's smallint. */
const ROLE_MIN = -32_768n;
const ROLE_MAX = 32_767n;

/** Managers: who they are, that they are logged in, and what they may do in projects. */
@Injectable()
export class Managers {
  constructor(
    private readonly database: Database,
    private readonly passwords: Passwords,
  ) {}

  /** A new manager, logged in. The very first one is an admin. @param seconds how long the login lasts */
  async register(
    username: string,
    password: string,
    seconds: number,
  ): Promise<{ manager: Manager; session: Session } | 'name_taken'> {
    // Asked before the costly part; the insert decides.
    if (await this.database.stores.managers.findByName(username)) return 'name_taken';
    const hash = await this.passwords.hash(password);
    return this.database.transaction(async (stores) => {
      await stores.managers.lockRegistration();
      const manager = await stores.managers.insert(username, hash);
      return manager ? { manager, session: await open(stores, manager, seconds) } : 'name_taken';
    });
  }

  /** @param seconds how long the login lasts @returns undefined for an unknown name and for a wrong password, after the same time */
  async login(
    username: string,
    password: string,
    seconds: number,
  ): Promise<{ manager: Manager; session: Session } | undefined> {
    const known = await this.database.stores.managers.findByName(username);
    if (!(await this.passwords.matches(password, known?.password)) || !known) return undefined;
    return { manager: known.manager, session: await open(this.database.stores, known.manager, seconds) };
  }

  async logout(token: string): Promise<void> {
    await this.database.stores.managers.deleteSession(digestOf(token));
  }

  /** Who is logged in, as he is now. */
  bySession(token: string): Promise<Manager | undefined> {
    return this.database.stores.managers.bySession(digestOf(token));
  }

  all(): Promise<Manager[]> {
    return this.database.stores.managers.all();
  }

  /** Those with a role in it. */
  ofProject(projectId: bigint): Promise<{ manager: Manager; role: Role }[]> {
    return this.database.stores.managers.ofProject(projectId);
  }

  async setAdmin(id: bigint, admin: boolean): Promise<void> {
    await this.database.stores.managers.setAdmin(id, admin);
  }

  /** @param role 0 takes it away @returns false without such a manager or project, and for a role that cannot be kept */
  async setRole(managerId: bigint, projectId: bigint, role: bigint): Promise<boolean> {
    const { managers } = this.database.stores;
    if (role < ROLE_MIN || role > ROLE_MAX) return false;
    if (role === 0n) return managers.removeRole(managerId, projectId);
    return managers.setRole(managerId, projectId, Number(role));
  }

  /** Whether the manager has one of these roles in the project. An admin has all, also in projects that there are not. */
  async allows(manager: Manager | undefined, projectId: bigint, roles: Role): Promise<boolean> {
    if (!manager) return false;
    return manager.admin || this.database.stores.managers.hasRole(manager.id, projectId, roles);
  }
}

async function open({ managers }: Stores, { id }: Manager, seconds: number): Promise<Session> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, expiresAt: await managers.insertSession(digestOf(token), id, seconds) };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
