import { Refusal } from '../http/refusal';

/** What a JWT may allow: look; look and change tasks and webhooks; everything. */
const ROLES = ['read', 'write', 'admin'];

/**
 * All that changes something here are tasks and webhooks.
 * @param role as a token has it
 * @throws Refusal
 */
export function assertRole(role: unknown, method: string): void {
  if (!ROLES.some((known) => known === role))
    throw new Refusal('forbidden', 'The bearer token has an unknown role; read, write and admin are known');
  if (role === 'read' && method !== 'GET' && method !== 'HEAD')
    throw new Refusal('forbidden', 'The role of the bearer token allows to read only');
}
