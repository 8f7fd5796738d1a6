import { decodePart, splitAddress } from '../../../http/address';

/** First part of all addresses of the dialect. */
export const BASE = 'api';

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the base. A part like `:id` stands for any text. */
  path: string;
}

const route = (text: string): Route => {
  const [method, path] = text.split(' ') as [Route['method'], string];
  return { method, path };
};

/** Every route of the document, and those of webhooks, which it leaves open (reference/distributed-task-scheduler.md C5). */
export const ROUTES: readonly Route[] = [
  'GET /tasks',
  'POST /tasks',
  'GET /tasks/:id',
  'PUT /tasks/:id',
  'DELETE /tasks/:id',
  'POST /tasks/:id/cancel',
  'POST /tasks/:id/retry',
  'GET /tasks/:id/logs',
  'POST /tasks/:id/checkpoint',
  'GET /workers',
  'GET /workers/:id',
  'GET /workers/:id/tasks',
  'GET /system/status',
  'GET /system/metrics',
  'GET /webhooks',
  'POST /webhooks',
  'DELETE /webhooks/:id',
  'GET /webhooks/:id/deliveries',
  'POST /webhooks/:id/deliveries/:delivery/replay',
].map(route);

const partsOf = (path: string) => path.split('/').filter((part) => part !== '');

/**
 * Where a request of the dialect is served: doubled slashes and one at the end count for nothing, what cannot be decoded stands for
 * itself. Undefined for requests of others.
 */
export function addressOf(url: string): string | undefined {
  const { path, query } = splitAddress(url);
  const parts = partsOf(path).map((part) => decodePart(part) ?? part);
  return parts[0] === BASE ? `/${parts.map(encodeURIComponent).join('/')}${query}` : undefined;
}

/** Methods that an address of the dialect has; none when it is unknown. */
export function methodsOf(url: string): string[] {
  const [, ...asked] = partsOf(splitAddress(url).path);
  const known = ROUTES.filter(({ path }) => {
    const parts = partsOf(path);
    return parts.length === asked.length && parts.every((part, index) => part.startsWith(':') || part === asked[index]);
  });
  return known.map(({ method }) => method);
}
