import { Inject, Injectable } from '@nestjs/common';
import { type Manager, Managers, type Role, type Session } from '@task-engine/engine';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../http/answer';
import { sessionOf } from '../http/request';

/** Managers that are logged in, by their cookie. */
@Injectable()
export class Sessions {
  constructor(
    private readonly managers: Managers,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  /** Who is logged in; undefined for a guest. */
  async managerOf(request: FastifyRequest): Promise<Manager | undefined> {
    const token = this.tokenOf(request);
    return token === undefined ? undefined : this.managers.bySession(token);
  }

  /** @throws Refusal 403 unless a manager is logged in who has one of these roles in the project */
  async require(request: FastifyRequest, projectId: bigint, roles: Role): Promise<Manager> {
    const manager = await this.managerOf(request);
    if (!manager || !(await this.managers.allows(manager, projectId, roles))) throw new Refusal(403, 'Unauthorized');
    return manager;
  }

  /** Gives the caller the cookie of a login. What it has had before ends, whoever may know that one. */
  async open(request: FastifyRequest, reply: FastifyReply, { token, expiresAt }: Session): Promise<void> {
    await this.close(request);
    const { TASK_TRACKER_COOKIE_SAME_SITE: sameSite, TASK_TRACKER_COOKIE_SECURE: secure } = this.configuration;
    const attributes = [
      `${this.configuration.TASK_TRACKER_COOKIE_NAME}=${token}`,
      `expires=${expiresAt.toUTCString()}`,
      'path=/',
      'HttpOnly',
      `SameSite=${sameSite}`,
      ...(secure ? ['Secure'] : []),
    ];
    void reply.header('set-cookie', attributes.join('; '));
  }

  async close(request: FastifyRequest): Promise<void> {
    const token = this.tokenOf(request);
    if (token !== undefined) await this.managers.logout(token);
  }

  private tokenOf(request: FastifyRequest): string | undefined {
    return sessionOf(request, this.configuration.TASK_TRACKER_COOKIE_NAME);
  }
}
