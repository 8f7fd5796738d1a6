import type { IncomingHttpHeaders } from 'node:http';

const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';

/** Whether a page of this origin may use the API. */
export function allowsOrigin(allowed: readonly string[], origin: string): boolean {
  return allowed.includes('*') || allowed.includes(origin);
}

/**
 * What an answer tells a browser: the origin that asks, if it may; everybody, when none is named and everybody may.
 * @param allowed origins, `*` for every one
 */
export function corsHeaders(
  allowed: readonly string[],
  { method, headers }: { method?: string; headers: IncomingHttpHeaders },
): Record<string, string> {
  const { origin } = headers;
  if (origin === undefined) return allowed.includes('*') ? { 'access-control-allow-origin': '*' } : {};
  if (!allowsOrigin(allowed, origin)) return {};
  const shared = { 'access-control-allow-origin': origin };
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return shared;
  const asked = headers['access-control-request-headers'];
  return {
    ...shared,
    'access-control-allow-methods': METHODS,
    ...(asked !== undefined && { 'access-control-allow-headers': asked }),
  };
}
