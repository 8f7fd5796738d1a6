import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database, isNameTaken, type NewProject, type Stores } from '@task-engine/database';
import { ALL_ROLES, type Manager, type Project, PROJECT_CLIENT, type ProjectFields, ROLE } from './views';

/** Projects: made, changed, shown. */
@Injectable()
export class Projects {
  constructor(private readonly database: Database) {}

  /** A project with its lane; its creator has all roles in it. */
  async create(fields: ProjectFields, creator: Manager): Promise<{ id: number } | 'name_taken' | 'no_chain_target'> {
    return orNameTaken(
      this.database.transaction(async (stores) => {
        const project = await resolved(stores, fields);
        if (!project) return 'no_chain_target';
        await stores.clients.ensure(PROJECT_CLIENT);
        const id = await stores.projects.insert(project, randomUUID());
        await stores.managers.setRole(BigInt(creator.id), BigInt(id), ALL_ROLES);
        return { id };
      }),
    );
  }

  /** Replaces all of it. Its rates start anew. */
  async update(
    id: bigint,
    fields: ProjectFields & { paused: boolean },
  ): Promise<'ok' | 'unknown' | 'name_taken' | 'no_chain_target' | 'chains_to_itself'> {
    if (fields.chainId === id) return 'chains_to_itself';
    return orNameTaken(
      this.database.transaction(async (stores) => {
        const known = await stores.projects.find(id);
        if (!known) return 'unknown';
        const project = await resolved(stores, fields);
        if (!project) return 'no_chain_target';
        const lane = (await stores.lanes.lock(known.laneId))!;
        if (lane.paused !== fields.paused) await stores.lanes.setPaused(lane.name, fields.paused);
        await stores.projects.update(known.id, project);
        return 'ok';
      }),
    );
  }

  find(id: bigint): Promise<Project | undefined> {
    return this.database.stores.projects.find(id);
  }

  /** Those that are not hidden from the manager, or from a guest, in the order of their names. */
  list(manager: Manager | undefined): Promise<Project[]> {
    const { projects } = this.database.stores;
    return manager?.admin ? projects.all() : projects.visible(manager?.id ?? null, ROLE.read);
  }

  /** What its workers may know; undefined without such a project. */
  secret(id: bigint): Promise<string | undefined> {
    return this.database.stores.projects.secret(id);
  }

  setSecret(id: bigint, secret: string): Promise<boolean> {
    return this.database.stores.projects.setSecret(id, secret);
  }

  /** What pushes to its repository are signed with; undefined without such a project. */
  webhookSecret(id: bigint): Promise<string | undefined> {
    return this.database.stores.projects.webhookSecret(id);
  }

  setWebhookSecret(id: bigint, secret: string): Promise<boolean> {
    return this.database.stores.projects.setWebhookSecret(id, secret);
  }

  /**
   * A push to a repository: its project has the version from now on.
   * @param isSigned whether the push is signed with this secret; nothing is, with an empty one
   */
  async push(
    repository: string,
    version: string,
    isSigned: (secret: string) => boolean,
  ): Promise<'ok' | 'unknown' | 'wrong_signature'> {
    const { projects } = this.database.stores;
    const project = await projects.ofRepository(repository);
    if (!project) return 'unknown';
    if (project.webhookSecret === '' || !isSigned(project.webhookSecret)) return 'wrong_signature';
    await projects.setVersion(project.id, version);
    return 'ok';
  }
}

/** With a chain that leads somewhere, or nowhere; undefined when its target is not there. Projects are never removed. */
async function resolved(stores: Stores, fields: ProjectFields): Promise<NewProject | undefined> {
  if (fields.chainId === null) return { ...fields, chainId: null };
  const target = await stores.projects.find(fields.chainId);
  return target && { ...fields, chainId: target.id };
}

async function orNameTaken<Result>(change: Promise<Result>): Promise<Result | 'name_taken'> {
  try {
    return await change;
  } catch (error) {
    if (isNameTaken(error)) return 'name_taken';
    throw error;
  }
}
