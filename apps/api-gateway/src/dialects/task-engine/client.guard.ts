import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { AuthenticateClient } from '@task-engine/engine';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyRequest } from 'fastify';
import { authenticate } from './tenant';

/** Lets a request pass that names a client and one of its keys. */
@Injectable()
export class ClientGuard implements CanActivate {
  constructor(private readonly authenticateClient: AuthenticateClient) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await authenticate(context.switchToHttp().getRequest<FastifyRequest>(), this.authenticateClient);
    return true;
  }
}

/** Reads that the documents leave open: REQUIRE_AUTH_FOR_READS closes them, and each client then sees its own jobs only. */
@Injectable()
export class ReaderGuard implements CanActivate {
  constructor(
    private readonly authenticateClient: AuthenticateClient,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (!this.configuration.REQUIRE_AUTH_FOR_READS) return true;
    await authenticate(context.switchToHttp().getRequest<FastifyRequest>(), this.authenticateClient);
    return true;
  }
}
