/** What a JWT may allow: look; look and change tasks and webhooks; everything. */
export const ROLES = ['read', 'write', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** All that changes something here are tasks and webhooks. */
export function mayCall(role: Role, method: string): boolean {
  return role !== 'read' || method === 'GET' || method === 'HEAD';
}
