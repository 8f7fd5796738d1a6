import { join } from 'node:path';
import { Client } from 'pg';
import { eventually } from '../scripts/local/eventually';
import { LocalSuite } from '../scripts/local/local-suite';
import { contentIdOf, fillJobs } from './cost-fill';
import { graphReads, reads } from './cost-reads';
import { measure, type Effort, type Series } from './cost-series';
import { openVerbs } from './cost-verbs';
import type { BenchServers, ServerSettings } from './harness/bench-servers';
import type { Machine } from './harness/machine';

export interface Operation extends Series {
  unit: 'ms' | 'jobs/s';
}

/** bench/cost-results.json. */
export interface Costs {
  date: string;
  commit: string;
  machine: Machine;
  settings: ServerSettings;
  sizes: { jobs: number; bytes: number; operations: Record<string, Operation> }[];
}

export interface CostOptions {
  servers: BenchServers;
  /** An empty database. */
  databaseUrl: string;
  jobs: number;
  /** Tasks of /api/tasks and what is asked of them, instead of workflow jobs. */
  graph?: boolean;
  effort: Effort;
  only?: string;
  print: (line: string) => void;
}

const HEADERS = {
  client: 'demo-client',
  'api-key': 'demo-key',
  authorization: 'ApiKey demo-key',
  'content-type': 'application/json',
};
/** Jobs that the drain submits beside those that wait already. */
const DRAINED = 3_000;
/** Slots that are free at each admission round. */
const ADMITTED = 50;

/** Fills a database with `jobs`, starts the suite over it and measures everything. */
export async function measureCost(options: CostOptions): Promise<Costs['sizes'][number]> {
  const { servers, databaseUrl, jobs, graph, print } = options;
  const dataDir = join(servers.folder, `data-${jobs}`);
  const suiteOptions = {
    dataDir,
    port: 0,
    env: { ...servers.env, DATABASE_URL: databaseUrl, REDIS_URL: servers.redisUrl },
    appEnv: { BOOTSTRAP_CLIENTS: 'demo-client:demo-key', WORK_CONCURRENCY: '10', DTS_RATE_LIMIT: '1000000' },
  };
  const database = new Client({ connectionString: databaseUrl });
  // a connection that ends fails the next statement, not the process
  database.on('error', () => undefined);
  await database.connect();
  try {
    const gateway = await LocalSuite.start({ ...suiteOptions, apps: ['api-gateway'] });
    await database.query('UPDATE lane SET paused = true');
    await submitOfEach(gateway.url('api-gateway'));
    if (graph) await createTask(gateway.url('api-gateway'), []);
    await gateway.stop();
    await database.query('TRUNCATE job, graph_task RESTART IDENTITY CASCADE');
    const began = Date.now();
    await fillJobs((text, parameters) => database.query(text, parameters), {
      jobs,
      graph,
      progress: (filled) =>
        print(`${filled} of ${jobs} jobs filled after ${Math.round((Date.now() - began) / 1000)} s`),
    });
    const { rows } = await database.query<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes');
    const suite = await LocalSuite.start(suiteOptions);
    try {
      const run = new CostRun(options, suite, database);
      await run.all();
      return { jobs, bytes: Number(rows[0]!.bytes), operations: run.operations };
    } finally {
      await suite.stop();
    }
  } finally {
    await database.end();
  }
}

async function createTask(url: string, dependencies: string[]): Promise<string> {
  const body = JSON.stringify({ name: 'cost', command: 'true', dependencies });
  const answer = await fetch(`${url}/api/tasks`, { method: 'POST', headers: HEADERS, body });
  if (!answer.ok) throw new Error(`a task was not accepted: ${await answer.text()}`);
  return ((await answer.json()) as { data: { id: string } }).data.id;
}

/** A job of every workflow of the filling: their definitions stay. */
async function submitOfEach(url: string): Promise<void> {
  for (const workflow of ['noop', 'sleep', 'steps', 'fail', 'flaky']) {
    const parameters = { seconds: 0, count: 1, message: 'meant to fail', failures: 1 };
    const body = JSON.stringify({ job: { workflow }, parameters });
    const answer = await fetch(`${url}/job`, { method: 'POST', headers: HEADERS, body });
    if (!answer.ok) throw new Error(`a ${workflow} was not accepted: ${await answer.text()}`);
  }
}

class CostRun {
  readonly operations: Record<string, Operation> = {};

  constructor(
    private readonly options: CostOptions,
    private readonly suite: LocalSuite,
    private readonly database: Client,
  ) {}

  async all(): Promise<void> {
    await this.settled();
    const { jobs, graph } = this.options;
    if (graph) return this.graph();
    for (const { name, path, headers } of reads(jobs))
      await this.time(name, (k) => this.call('GET', path(k), undefined, headers));
    for (const app of ['job-controller', 'callback-dispatcher'] as const)
      await this.time(`GET /metrics of ${app}`, () => this.call('GET', '/metrics', undefined, {}, this.suite.url(app)));
    await this.writes();
    await this.verbs();
    await this.drain();
  }

  private async graph(): Promise<void> {
    for (const { name, path } of graphReads()) await this.time(name, (k) => this.call('GET', path(k)));
    const url = this.suite.url('api-gateway');
    const created: string[] = [];
    await this.time('POST /api/tasks', async () => created.push(await createTask(url, [])));
    const done = await this.call('GET', '/api/tasks?status=completed&limit=100');
    const ids = ((await done.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
    await this.time('POST /api/tasks with three dependencies', (k) =>
      createTask(
        url,
        [0, 1, 2].map((n) => ids[(k * 7 + n) % ids.length]!),
      ),
    );
    const each = (k: number) => `/api/tasks/${created[k % created.length]}`;
    await this.time('PUT /api/tasks/:id', (k) => this.call('PUT', each(k), { priority: 1 + (k % 9) }));
    await this.time(
      'POST /api/tasks/:id/cancel',
      () => this.call('POST', `/api/tasks/${created.at(-1)}/cancel`),
      async () => created.push(await createTask(url, [])),
    );
  }

  /** The leader has folded the totals past the filling: the numbers are of a suite that runs on. */
  private async settled(): Promise<void> {
    const behind = `SELECT EXISTS (SELECT FROM counter WHERE name = 'mark:job_transition' AND value = 0) OR NOT EXISTS
      (SELECT FROM counter WHERE name LIKE 'jobs:%') AS behind`;
    await eventually(async () => !(await this.database.query<{ behind: boolean }>(behind)).rows[0]!.behind, {
      timeout: 600_000,
      interval: 250,
    });
  }

  private async writes(): Promise<void> {
    const submitted: string[] = [];
    await this.time('POST /job', async (k) => {
      const parameters = { content_id: contentIdOf(this.options.jobs + 1_000_000 + k), output_folder: `/vod/${k}` };
      const answer = await this.call('POST', '/job', { job: { workflow: 'noop' }, parameters });
      submitted.push(((await answer.json()) as { id: string }).id);
    });
    const each = (k: number) => submitted[k % submitted.length];
    await this.time('PUT /jobs/:id priority', (k) =>
      this.call('PUT', `/jobs/${each(k)}`, { priority: String(1 + (k % 9)) }),
    );
    await this.time('PUT /jobs/:id run_at', (k) =>
      this.call('PUT', `/jobs/${each(k)}`, { run_at: '2037-01-01T00:00:00.000' }),
    );
    await this.time('PUT /jobs/:id broken', (k) => this.call('PUT', `/jobs/${each(k)}`, { queue_state: 'broken' }));
    await this.time('POST /jobs/:id/rerun', (k) => this.call('POST', `/jobs/${each(k)}/rerun`));
  }

  /** The rounds of controller and scheduler, in this process; the apps that do the same are down meanwhile. */
  private async verbs(): Promise<void> {
    const apps = ['job-controller', 'task-worker', 'scheduler', 'callback-dispatcher'] as const;
    for (const app of apps) await this.suite.takeDown(app);
    const verbs = await openVerbs({
      databaseUrl: this.options.databaseUrl,
      redisUrl: this.options.servers.redisUrl,
      dataDir: join(this.options.servers.folder, `verbs-${this.options.jobs}`),
    });
    const { stores } = verbs.database;
    const lane = (await stores.lanes.findByName('engine'))!;
    try {
      await this.time('sweep: due jobs', () => verbs.release.run());
      await this.time('sweep: expired leases', () => verbs.expire.run());
      await this.time('sweep: overdue jobs', () => verbs.timeOut.run());
      await this.time('sweep: lost hints', () => verbs.sweep.run(5));
      await this.time('next due time', () =>
        Promise.all([stores.dueJobs.nextDue(), stores.executions.nextExpiry(), stores.deliveries.secondsToNextDue()]),
      );
      await this.time('why jobs wait', async () => {
        const { rows } = await this.database.query<{ id: string }>(`SELECT id FROM job WHERE state = 'queued' LIMIT 1`);
        return verbs.explain.run(
          'engine',
          rows.map(({ id }) => id),
        );
      });
      await this.time(
        `admit ${ADMITTED} jobs`,
        () => verbs.admit.run(lane.id),
        async () => {
          const waiting = `SELECT id FROM job WHERE state = 'queued' ORDER BY id DESC LIMIT ${ADMITTED}`;
          const { rowCount } = await this.database.query(waiting);
          if (rowCount! < ADMITTED) await this.submitMany(ADMITTED - rowCount!);
          await this.database.query(
            `UPDATE lane SET paused = false, max_running = ${ADMITTED} + (SELECT count(*) FROM job WHERE state = 'started')`,
          );
        },
      );
      await this.database.query('UPDATE lane SET paused = true');
      await this.time(
        'retention: delete 50 jobs',
        () => verbs.retain.run(30),
        () =>
          this.database.query(
            `UPDATE job SET finished_at = now() - interval '31 days' WHERE id IN (SELECT id FROM job WHERE NOT persist
             AND finished_at IS NOT NULL AND state = 'completed' AND finished_at > now() - interval '30 days' ORDER BY id LIMIT 50)`,
          ),
      );
    } finally {
      await verbs.close();
      for (const app of apps) await this.suite.bringUp(app);
    }
  }

  /** Everything that waits, and some thousand jobs more, from the moment the lane is opened to the last finish. */
  private async drain(): Promise<void> {
    const name = 'drain one-step jobs';
    if (!this.wanted(name)) return;
    await this.database.query(
      `UPDATE lane SET paused = true, max_running = 1000 + (SELECT count(*) FROM job WHERE state = 'started')`,
    );
    await this.submitMany(DRAINED);
    const { rows } = await this.database.query<{ n: number; at: Date }>(
      `SELECT count(*)::int AS n, clock_timestamp() AS at FROM job WHERE state = 'queued'`,
    );
    const [{ n, at }] = rows as [{ n: number; at: Date }];
    await this.database.query('UPDATE lane SET paused = false');
    await this.call('POST', '/push_jobs', {});
    const open = `SELECT EXISTS (SELECT FROM job WHERE state = 'queued') OR EXISTS (SELECT FROM execution WHERE state = 'queued') AS open`;
    await eventually(async () => !(await this.database.query<{ open: boolean }>(open)).rows[0]!.open, {
      timeout: 300_000,
      interval: 100,
    });
    const { rows: last } = await this.database.query<{ at: Date }>(`SELECT max(finished_at) AS at FROM job`);
    const rate = n / ((last[0]!.at.getTime() - at.getTime()) / 1_000);
    this.keep(name, { median: rate, p99: rate, n, unit: 'jobs/s' });
  }

  private async submitMany(count: number): Promise<void> {
    let sent = 0;
    const sender = async () => {
      while (sent < count) {
        sent += 1;
        await this.call('POST', '/job', { job: { workflow: 'noop' }, parameters: { content_id: contentIdOf(sent) } });
      }
    };
    await Promise.all(Array.from({ length: 20 }, sender));
  }

  /** @param before what each round needs, untimed */
  private async time(
    name: string,
    operation: (k: number) => Promise<unknown>,
    before?: () => Promise<unknown>,
  ): Promise<void> {
    if (!this.wanted(name)) return;
    const { effort } = this.options;
    this.keep(name, {
      ...(await measure(operation, before ? { ...effort, n: Math.min(effort.n, 10) } : effort, before)),
      unit: 'ms',
    });
  }

  private wanted(name: string): boolean {
    const { only } = this.options;
    return only === undefined || name.includes(only) || name === 'POST /job' || name === 'POST /api/tasks';
  }

  private keep(name: string, operation: Operation): void {
    this.operations[name] = operation;
    const { jobs, print } = this.options;
    const value =
      operation.unit === 'ms'
        ? `${operation.median.toFixed(2)} ms, p99 ${operation.p99.toFixed(2)}`
        : `${operation.median.toFixed(0)} ${operation.unit}`;
    print(`${jobs} jobs: ${name}: ${value} (${operation.n} times)`);
  }

  private async call(
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
    url = this.suite.url('api-gateway'),
  ): Promise<Response> {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...HEADERS, ...headers },
      body: body === undefined ? (method === 'GET' ? undefined : '{}') : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return new Response(text, { status: answer.status });
  }
}
