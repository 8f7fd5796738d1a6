import { contentIdOf, openJobs, RARE_CLIENT } from './cost-fill';

/** A GET that a user waits for, with headers beside those of the client. */
export interface Read {
  name: string;
  path: (k: number) => string;
  headers?: Record<string, string>;
}

const DAY_MS = 86_400_000;

/** Every filter and order of GET /jobs, and the other reads, for a filling of `jobs`. */
export function reads(jobs: number, now = Date.now()): Read[] {
  const open = openJobs(jobs);
  const finished = jobs - open.queued - open.scheduled - open.started - open.paused;
  /** Ids spread over all finished jobs. */
  const anyId = (k: number) => 1 + ((k * 7919 + 13) % finished);
  const day = (ago: number) => new Date(now - ago * DAY_MS).toISOString().slice(0, 10);
  const list = (name: string, query: string | ((k: number) => string)): Read => ({
    name: `GET /jobs${name}`,
    path: (k) => `/jobs?${typeof query === 'string' ? query : query(k)}`,
  });
  const orders = [
    'client',
    'workflow',
    'priority',
    'position',
    'top_of_queue',
    'created_at',
    'updated_at',
    'queue_state',
    'failed',
    'run_at',
  ];
  return [
    list('', ''),
    list('?asc=1', 'asc=1'),
    list('?limit=100', 'limit=100'),
    list('?limit=1000', 'limit=1000'),
    ...['queued', 'started', 'completed', 'pending', 'broken', 'scheduled', 'paused'].map((state, id) =>
      list(`?state=${id} (${state})`, `state=${id}`),
    ),
    list('?failed=1', 'failed=1'),
    list('?failed=0', 'failed=0'),
    list('?client= a large one', 'client=demo-client'),
    list('?client= a rare one', `client=${RARE_CLIENT}`),
    list('?client= unknown', 'client=nobody'),
    list('?client=&state=2&limit=3', 'client=demo-client&state=2&limit=3'),
    list('?client=&state=0', 'client=client-3&state=0'),
    list('?client=&state=4 (none)', `client=${RARE_CLIENT}&state=4`),
    list('?from= today', `from=${day(0)}`),
    list('?from=&to= one old day', (k) => `from=${day(20 - (k % 10))}&to=${day(20 - (k % 10))}`),
    list('?from=&to=&asc=1', (k) => `from=${day(20 - (k % 10))}&to=${day(20 - (k % 10))}&asc=1`),
    list('?to= a day ago, failed=1', `to=${day(1)}&failed=1`),
    list('?from=&client=', (k) => `from=${day(20 - (k % 10))}&to=${day(19 - (k % 10))}&client=client-9`),
    list('?persist=1', 'persist=1'),
    list('?persist=0&state=2', 'persist=0&state=2'),
    list('?job_ids= ten', (k) => `job_ids=${Array.from({ length: 10 }, (_, n) => anyId(k * 10 + n)).join(',')}`),
    ...orders.flatMap((order) => [
      list(`?order_by=${order}`, `order_by=${order}`),
      list(`?order_by=${order}&asc=1`, `order_by=${order}&asc=1`),
    ]),
    list('?order_by=updated_at&state=0', 'order_by=updated_at&state=0'),
    list('?order_by=created_at&state=0&asc=1', 'order_by=created_at&state=0&asc=1'),
    list('?order_by=priority&client=', 'order_by=priority&client=client-5'),
    list('?search= a content id', (k) => `search=${contentIdOf(anyId(k))}`),
    list('?search= a part of one', (k) => `search=${contentIdOf(anyId(k)).slice(8, 16)}`),
    list('?search= in every job', 'search=index.m3u8'),
    list('?search= in some', (k) => `search=channel-${k % 300}/`),
    list('?search= in none', (k) => `search=never-there-${k}`),
    list('?search= two letters, in every job', 'search=m3'),
    list('?search=&client=', (k) => `search=${contentIdOf(anyId(k))}&client=demo-client`),
    list('?search=&order_by=priority', (k) => `search=${contentIdOf(anyId(k))}&order_by=priority`),
    { name: 'GET /jobs/:id', path: (k) => `/jobs/${anyId(k)}` },
    { name: 'GET /logs/:id', path: (k) => `/logs/${anyId(k)}` },
    { name: 'GET /dashboard, own client', path: () => '/dashboard', headers: { client: 'client-9' } },
    { name: 'GET /health', path: () => '/health' },
  ];
}

/** What is asked of the tasks of /api/tasks. Half of a filling belongs to the one who asks. */
export function graphReads(): Read[] {
  const read = (path: string): Read => ({ name: `GET ${path}`, path: () => path });
  const sorts = ['updated_at', 'scheduled_at', 'started_at', 'completed_at', 'priority', 'name', 'status'];
  return [
    ...['', '?limit=100', '?page=100', '?order=asc'].map((query) => read(`/api/tasks${query}`)),
    ...['pending', 'running', 'completed', 'failed', 'cancelled'].map((status) => read(`/api/tasks?status=${status}`)),
    ...sorts.map((sort) => read(`/api/tasks?sort=${sort}`)),
    read('/api/tasks?tag=batch-7'),
    read('/api/tasks?tag=all'),
    read('/api/workers'),
    read('/api/system/status'),
    ...['hour', 'day', 'week', 'month'].map((period) => read(`/api/system/metrics?period=${period}`)),
  ];
}
