import { decodePart, splitAddress } from '../../../http/address';

/** How a request to one of the dialect's addresses is to be treated. */
export type Treatment =
  /** By the controller that stands at `url`. */
  | { kind: 'serve'; url: string }
  /** `/` of a listener of its own: what serves there. */
  | { kind: 'root' }
  /** OPTIONS: the same for every address. */
  | { kind: 'options' }
  | { kind: 'unknown' };

export interface Route {
  method: 'GET' | 'POST';
  /** A part like `:id` stands for any text. */
  path: string;
}

const get = (path: string): Route => ({ method: 'GET', path });
const post = (path: string): Route => ({ method: 'POST', path });

/** Every route of reference/task-tracker.md 1.5 to 1.8 but for the root. */
export const ROUTES: readonly Route[] = [
  post('/worker/create'),
  get('/worker/get/:id'),
  post('/worker/update'),
  post('/worker/set_paused'),
  get('/worker/stats'),
  post('/task/submit'),
  post('/task/bulk_submit'),
  get('/task/get/:project'),
  post('/task/release'),
  ...['trace', 'info', 'warn', 'error'].map((level) => post(`/log/${level}`)),
  post('/logs'),
  post('/project/request_access'),
  get('/project/list'),
  get('/project/get/:id'),
  post('/project/create'),
  post('/project/update/:id'),
  get('/project/secret/:id'),
  post('/project/secret/:id'),
  get('/project/webhook_secret/:id'),
  post('/project/webhook_secret/:id'),
  get('/project/access_list/:id'),
  post('/project/accept_request/:id/:wid'),
  post('/project/reject_request/:id/:wid'),
  get('/project/monitoring/:id'),
  get('/project/monitoring-between/:id'),
  get('/project/assignees/:id'),
  post('/project/reset_failed_tasks/:id'),
  post('/project/hard_reset/:id'),
  post('/project/reclaim_assigned_tasks/:id'),
  post('/git/receivehook'),
  post('/register'),
  post('/login'),
  get('/logout'),
  get('/account'),
  get('/manager/list'),
  get('/manager/list_for_project/:id'),
  get('/manager/promote/:id'),
  get('/manager/demote/:id'),
  post('/manager/set_role_for_project/:id'),
];

/** Another dialect's addresses begin with it, too: on a shared listener only the one request that is ours is ours. */
const SHARED_PREFIX = 'logs';

/** Longer than any id. */
const MAX_PART_LENGTH = 1_000;

const partsOf = (path: string) => path.split('/').slice(1);

/** First parts of the dialect's addresses on a listener that it shares. */
const PREFIXES: ReadonlySet<string> = new Set(ROUTES.map(({ path }) => partsOf(path)[0]!));

/** Two parts at most are names, all behind them ids: these and the number of parts tell the route. */
const nameOf = (method: string, parts: readonly string[]) =>
  `${method} ${parts.length} ${parts[0]}/${parts.length > 1 ? parts[1] : ''}`;
const BY_NAME: ReadonlySet<string> = new Set(ROUTES.map(({ method, path }) => nameOf(method, partsOf(path))));

/**
 * How a request is to be treated; undefined when its address is none of the dialect's.
 * @param url as the request line has it
 * @param own it came by a listener that serves this dialect alone, so that `/` and every unknown address are the dialect's too
 */
export function treat(method: string, url: string, own: boolean): Treatment | undefined {
  const { path, query } = splitAddress(url);
  // what cannot be decoded stands for itself, doubled slashes for one
  const parts = path.split(/\/+/).map((part) => decodePart(part) ?? part);
  parts.shift();
  if (!own && !isOurs(method, parts)) return undefined;
  if (method === 'OPTIONS') return { kind: 'options' };
  if (own && method === 'GET' && parts.length === 1 && parts[0] === '') return { kind: 'root' };
  const known = BY_NAME.has(nameOf(method, parts)) && parts.every((part) => part !== '');
  if (!known || parts.some((part) => part.length > MAX_PART_LENGTH)) return { kind: 'unknown' };
  return { kind: 'serve', url: `/${parts.map(encodeURIComponent).join('/')}${query}` };
}

function isOurs(method: string, parts: readonly string[]): boolean {
  const [first = ''] = parts;
  if (first !== SHARED_PREFIX) return PREFIXES.has(first);
  return parts.length === 1 && (method === 'POST' || method === 'OPTIONS');
}
