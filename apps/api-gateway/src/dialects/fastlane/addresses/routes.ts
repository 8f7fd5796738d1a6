import { decodePart, splitAddress } from '../../../http/address';

/** What the address of a request names. */
export interface Target {
  task?: string;
  job?: string;
  execution?: string;
}

/** How a request to one of the dialect's addresses is to be treated. */
export type Treatment =
  /** By the controller that stands at `url`. */
  | { kind: 'serve'; url: string; target: Target }
  /** OPTIONS: with the methods alone. */
  | { kind: 'options'; allow: string[] }
  /** The address has to end in a slash. */
  | { kind: 'redirect'; to: string }
  | { kind: 'wrong-method'; allow: string[] }
  | { kind: 'unknown' };

export interface Listener {
  /** It serves this dialect alone, so that `/` and every unknown address are the dialect's too. */
  own: boolean;
  /** /routes/ is served. */
  debug: boolean;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Route {
  /** Without the slash at its end; a part like `:task` stands for any text. Where its controller stands, too. */
  path: string;
  /** The slash at the end: has to be there, may be there, may not. */
  slash: 'required' | 'optional' | 'none';
  methods: readonly Method[];
}

const JOB = '/tasks/:task/jobs/:job';
const EXECUTION = `${JOB}/executions/:execution`;

const reads = (path: string): Route => ({ path, slash: 'required', methods: ['GET'] });
const writes = (path: string, method: Method): Route => ({ path, slash: 'optional', methods: [method] });

/** Every route of reference/fastlane.md 1.1 but for the WebSockets. */
export const ROUTES: readonly Route[] = [
  { path: '/healthcheck', slash: 'none', methods: ['GET'] },
  reads('/status'),
  reads('/routes'),
  reads('/tasks'),
  reads('/search'),
  reads('/tasks/:task'),
  writes('/tasks/:task', 'POST'),
  writes(JOB, 'PUT'),
  reads(JOB),
  writes(`${JOB}/stop`, 'POST'),
  writes(`${JOB}/retry`, 'POST'),
  ...['stdout', 'stderr', 'logs', 'stream'].map((name) => reads(`${JOB}/${name}`)),
  reads(EXECUTION),
  ...['stdout', 'stderr', 'logs', 'stream'].map((name) => reads(`${EXECUTION}/${name}`)),
  writes(`${EXECUTION}/stop`, 'POST'),
  { path: '/docker-executor/blacklist', slash: 'none', methods: ['POST', 'PUT', 'DELETE'] },
];

/** Where live logs are to be had, over WebSockets. */
export const SOCKET_PATHS: readonly string[] = [`${JOB}/ws`, `${EXECUTION}/ws`];

/** First parts of the dialect's addresses on a listener that it shares. */
const PREFIXES: ReadonlySet<string> = new Set(ROUTES.map(({ path }) => path.split('/')[1]!));

const partsOf = (path: string) => path.split('/').slice(1);
const TABLE = ROUTES.map((route) => ({ ...route, parts: partsOf(route.path) }));
const SOCKETS = SOCKET_PATHS.map(partsOf);

/**
 * How a request is to be treated; undefined when its address is none of the dialect's.
 * @param url as the request line has it
 */
export function treat(method: string, url: string, listener: Listener): Treatment | undefined {
  const { path, query } = splitAddress(url);
  if (!listener.own && !isOurs(path)) return undefined;
  const address = read(path);
  if (!address) return { kind: 'unknown' };
  if (address.parts.length === 0) address.parts.push('healthcheck');
  const asked = method === 'HEAD' ? 'GET' : method;
  const routes = TABLE.filter(
    (route) =>
      matches(route.parts, address.parts) &&
      (listener.debug || route.path !== '/routes') &&
      // `/` alone is the one address of its own that is nothing but a slash
      !(route.slash === 'none' && address.slash && path !== '/'),
  );
  if (routes.length === 0) return { kind: 'unknown' };
  if (method === 'OPTIONS') return { kind: 'options', allow: allowed(routes) };
  const route = routes.find(({ methods }) => methods.includes(asked as Method));
  if (!route) return { kind: 'wrong-method', allow: allowed(routes) };
  if (route.slash === 'required' && !address.slash) return { kind: 'redirect', to: `${path}/${query}` };
  // ids do not stand in the address that is served: it has no limit of length, and nothing decodes it a second time
  const served = route.path.replace(/:\w+/g, '-') + query;
  return { kind: 'serve', url: served, target: targetOf(route.parts, address.parts) };
}

/** How the upgrade to a WebSocket is to be treated; undefined when its address is none of the dialect's. */
export function treatSocket(
  url: string,
  listener: Pick<Listener, 'own'>,
): { kind: 'follow'; target: Target } | { kind: 'unknown' } | undefined {
  const { path } = splitAddress(url);
  if (!listener.own && !isOurs(path)) return undefined;
  const address = read(path);
  const parts = address && SOCKETS.find((pattern) => matches(pattern, address.parts));
  return parts ? { kind: 'follow', target: targetOf(parts, address.parts) } : { kind: 'unknown' };
}

function isOurs(path: string): boolean {
  const end = path.indexOf('/', 1);
  const first = end < 0 ? path.slice(1) : path.slice(1, end);
  if (!first.includes('%')) return PREFIXES.has(first);
  return PREFIXES.has(decode(first) ?? '');
}

/** The decoded parts of a path; undefined when one of them cannot be any part of ours. */
function read(path: string): { parts: string[]; slash: boolean } | undefined {
  if (!path.startsWith('/')) return undefined;
  const raw = path.slice(1).split('/');
  const slash = raw.at(-1) === '';
  if (slash) raw.pop();
  const parts: string[] = [];
  for (const each of raw) {
    const part = decode(each);
    if (part === undefined || part === '') return undefined;
    parts.push(part);
  }
  // old documents say /job/ where they mean /jobs/
  if (parts[0] === 'tasks' && parts[2] === 'job') parts[2] = 'jobs';
  return { parts, slash };
}

/** Undefined for what is no UTF-8, and for what no name can hold: a slash, NUL. */
function decode(part: string): string | undefined {
  const text = decodePart(part);
  return text === undefined || /[/\u0000]/.test(text) ? undefined : text;
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length && pattern.every((part, index) => part.startsWith(':') || part === parts[index])
  );
}

function targetOf(pattern: readonly string[], parts: readonly string[]): Target {
  const named = pattern.flatMap((part, index) => (part.startsWith(':') ? [[part.slice(1), parts[index]!]] : []));
  return Object.fromEntries(named) as Target;
}

function allowed(routes: readonly Route[]): string[] {
  const methods = new Set<string>(routes.flatMap(({ methods }) => methods));
  if (methods.has('GET')) methods.add('HEAD');
  methods.add('OPTIONS');
  return [...methods].sort();
}
