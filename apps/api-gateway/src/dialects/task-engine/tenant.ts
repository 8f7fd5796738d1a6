import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { AuthenticateClient } from '@task-engine/engine';
import { DomainError } from '@task-engine/domain';
import { addLogContext } from '@task-engine/platform';
import type { FastifyRequest } from 'fastify';
import { receivedBody } from '../../http/received-body';

/** Who asks. */
export interface Tenant {
  id: number;
  name: string;
}

/** Headers that carry the key, in the order in which they are looked at (reference/task-engine.md A3). */
export const KEY_HEADERS = ['api-key', 'x-api-key', 'x-auth-key'] as const;

const tenants = new WeakMap<FastifyRequest, Tenant>();

/** The client that a guard found behind the request; undefined on open reads. */
export const CurrentTenant = createParamDecorator((_: unknown, context: ExecutionContext) =>
  tenants.get(context.switchToHttp().getRequest<FastifyRequest>()),
);

/**
 * Checks name and key of a request and remembers the client for CurrentTenant. The name comes from the header `client` or from `client`
 * in the body (older clients send only that); when both are there they have to agree. A body that cannot be read names nobody: its fault
 * is for the route to tell, but for one too large to look for the name in.
 * @throws DomainError unauthorised, PayloadTooLargeException
 */
export async function authenticate(request: FastifyRequest, verb: AuthenticateClient): Promise<void> {
  const key = KEY_HEADERS.map((name) => header(request, name)).find((value) => value !== undefined);
  const named = header(request, 'client');
  const refused = new DomainError('unauthorised', 'Unauthorised request.');
  if (key === undefined) throw refused;
  if (named === undefined) receivedBody(request)?.assertSize();
  const claimed = clientInBody(request);
  const name = named ?? claimed;
  if (name === undefined || (claimed !== undefined && claimed !== name)) throw refused;
  const tenant = await verb.run(name, key);
  tenants.set(request, tenant);
  addLogContext({ client: tenant.name, dialect: 'task-engine' });
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function clientInBody(request: FastifyRequest): string | undefined {
  try {
    const value = receivedBody(request)?.json({ anyType: true }) as { client?: unknown } | null | undefined;
    return typeof value?.client === 'string' ? value.client : undefined;
  } catch {
    // told after authentication, if that works without it
    return undefined;
  }
}
