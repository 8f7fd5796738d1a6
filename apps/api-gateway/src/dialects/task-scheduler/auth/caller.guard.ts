import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { CallingClient } from '@task-engine/database';
import { FindClient } from '@task-engine/engine';
import { RequestLimiter } from '@task-engine/messaging';
import { addLogContext, CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DIALECT } from '../addresses/addressed';
import { invalidToken, Refusal, unauthorized } from '../http/refusal';
import { type Authorization, readAuthorization } from './authorization';
import { BearerTokens } from './bearer-tokens';
import { rememberCaller, TASK_TOKENS } from './callers';
import { assertRole } from './roles';
import { assertVersion } from './version';

/** Lets a request pass whose caller is known, has requests left, may do it, and asks for a version that there is. */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(
    private readonly clients: FindClient,
    private readonly tokens: BearerTokens,
    private readonly limiter: RequestLimiter,
    private readonly reflector: Reflector,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const takesTaskTokens = this.reflector.get<boolean | undefined>(TASK_TOKENS, context.getHandler()) ?? false;
    await this.admit(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), takesTaskTokens);
    return true;
  }

  /** @throws Refusal */
  async admit(request: FastifyRequest, reply: FastifyReply, takesTaskTokens: boolean): Promise<void> {
    addLogContext({ dialect: DIALECT });
    const authorization = readAuthorization(request.raw.headersDistinct.authorization);
    if ('taskToken' in authorization) {
      // not counted: a command that runs must not lose its checkpoint because its client asks a lot
      if (!takesTaskTokens) throw new Refusal('forbidden', 'The token of a task is good for its checkpoint alone');
      rememberCaller(request, { token: authorization.taskToken });
    } else {
      const { client, role } = await this.identify(authorization);
      addLogContext({ client: client.name });
      rememberCaller(request, { client });
      await this.count(client, reply);
      assertRole(role, request.method);
    }
    assertVersion(request.headers.accept);
  }

  private async identify(
    authorization: Exclude<Authorization, { taskToken: string }>,
  ): Promise<{ client: CallingClient; role: unknown }> {
    if ('key' in authorization) {
      const client = await this.clients.byKey(authorization.key);
      if (!client) throw unauthorized('The API key is not valid');
      return { client, role: 'admin' };
    }
    const { client: name, role } = this.tokens.read(authorization.jwt);
    const client = await this.clients.byName(name);
    if (!client) throw invalidToken('The bearer token names a client that is not known');
    return { client, role };
  }

  /** The headers stand on every answer from here on, whatever becomes of the request. */
  private async count(client: CallingClient, reply: FastifyReply): Promise<void> {
    const limit = client.requestsPerMinute ?? this.configuration.DTS_RATE_LIMIT;
    const { allowed, remaining, resetMs } = await this.limiter.count(`client-${client.id}`, limit);
    void reply.headers({
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': String(Math.ceil((Date.now() + resetMs) / 1_000)),
    });
    if (allowed) return;
    throw new Refusal('rate_limit_exceeded', 'Too many requests: wait until the present minute is over', undefined, {
      'retry-after': String(Math.max(1, Math.ceil(resetMs / 1_000))),
    });
  }
}
