import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { APPS, type App } from '../../scripts/local/app-process';
import { eventually } from '../../scripts/local/eventually';
import { LocalSuite } from '../../scripts/local/local-suite';
import type { Child } from '../harness/child';
import type { Turn } from '../harness/turn';
import type { HttpLoad, HttpLoadResult } from '../load/http-load.process';

export interface BenchEngineOptions {
  /** Processes per app [1]. */
  replicas?: number | Partial<Record<App, number>>;
  /** [all five] */
  apps?: readonly App[];
  /** Variables for the apps. */
  env?: Record<string, string>;
  /** Jobs running at one time (`max_jobs`). */
  maxJobs?: number;
  /** Notes when each trial handler is called (`handlerStarts`). */
  handlerStarts?: boolean;
}

/** One call of a handler, on two clocks. */
export interface HandlerStart {
  executionId: string;
  monotonicMs: number;
  epochMs: number;
}

/** Milliseconds between two counts of what is left: rare enough not to be measured. */
const SHOW_EVERY_MS = 10_000;

/** File in the folder of a turn. */
const STARTS = 'handler-starts';

const CLIENT = { client: 'bench', 'api-key': 'bench-key' };

/** The real apps, compiled, on the database of a turn. */
export class BenchEngine {
  private sender?: Child<HttpLoad>;

  private constructor(
    private readonly turn: Turn,
    readonly suite: LocalSuite,
  ) {}

  /** Starts the apps; ends them with the turn. */
  static async start(turn: Turn, options: BenchEngineOptions = {}): Promise<BenchEngine> {
    turn.note('starting the apps');
    const suite = await LocalSuite.start({
      dataDir: turn.at('data'),
      port: 0,
      apps: options.apps ?? APPS,
      replicas: options.replicas,
      env: { ...turn.env, DATABASE_URL: turn.databaseUrl, REDIS_URL: turn.redisUrl },
      appEnv: {
        BOOTSTRAP_CLIENTS: `${CLIENT.client}:${CLIENT['api-key']}`,
        ...preloads(turn, options.handlerStarts ?? false),
        ...options.env,
      },
    });
    turn.onEnd(() => suite.stop());
    const profiled = turn.options.profileFolder !== undefined;
    for (const member of suite.members) turn.watch({ name: member.spec.name, pid: () => member.pid, profiled });
    const engine = new BenchEngine(turn, suite);
    if (options.maxJobs !== undefined) await engine.set('max_jobs', options.maxJobs);
    return engine;
  }

  get url(): string {
    return this.suite.url('api-gateway');
  }

  /** Headers of a request that may do everything. */
  get headers(): Record<string, string> {
    return { ...CLIENT, 'content-type': 'application/json' };
  }

  /** @throws Error when the answer is not 200 */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: this.headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json().catch(() => undefined);
  }

  async set(name: string, value: number): Promise<void> {
    await this.call('POST', '/settings', { name, setting: String(value) });
  }

  /** From now on no job is started. */
  async pause(): Promise<void> {
    await this.turn.database.query(`UPDATE lane SET paused = true WHERE name = 'engine'`);
  }

  /** Lets the waiting jobs run, and tells the controllers. Answers the time on the database's clock. */
  async resume(): Promise<Date> {
    const { rows } = await this.turn.database.query<{ at: Date }>(
      `UPDATE lane SET paused = false WHERE name = 'engine' RETURNING clock_timestamp() AS at`,
    );
    await this.call('POST', '/push_jobs', {});
    return rows[0]!.at;
  }

  /** POST /job, `count` times over `connections`; throws unless each was accepted under an id of its own. */
  async submit(
    count: number,
    { connections = 20, job = { workflow: 'noop' }, parameters = {} }: SubmitOptions = {},
  ): Promise<HttpLoadResult> {
    this.sender ??= this.turn.spawn<HttpLoad>('load', 'load/http-load.process');
    const result = await this.sender.call('post', {
      url: `${this.url}/job`,
      headers: this.headers,
      body: JSON.stringify({ job, parameters }),
      count,
      connections,
    });
    if (new Set(result.ids).size !== count) throw new Error(`${count} jobs were sent, ${result.ids.length} accepted`);
    return result;
  }

  /** Waits until no job waits or runs any more; says now and then how many still do. */
  async drained(timeoutSeconds: number): Promise<void> {
    const { database } = this.turn;
    const open = `FROM job WHERE state IN ('pending', 'scheduled', 'queued', 'started', 'paused')`;
    let next = Date.now() + SHOW_EVERY_MS;
    await eventually(
      async () => {
        const { rows } = await database.query<{ open: boolean }>(`SELECT EXISTS (SELECT ${open}) AS open`);
        if (rows[0]!.open && Date.now() > next) {
          const left = await database.query<{ jobs: number }>(`SELECT count(*)::int AS jobs ${open}`);
          this.turn.note(`${left.rows[0]!.jobs} jobs are not done yet`);
          next = Date.now() + SHOW_EVERY_MS;
        }
        return !rows[0]!.open;
      },
      // seldom: among the dead rows of a drain each look costs PostgreSQL some milliseconds, and the clock is read from the rows
      { timeout: timeoutSeconds * 1000, interval: 500 },
    );
  }

  /**
   * The calls of handlers by job, in the order of time; waits until each of the jobs has one.
   * @throws Error when the engine was started without `handlerStarts`
   */
  async handlerStarts(ids: readonly string[], timeoutSeconds = 10): Promise<Map<string, HandlerStart[]>> {
    return eventually(
      () => {
        const starts = new Map<string, HandlerStart[]>();
        for (const line of readFileSync(this.turn.at(STARTS), 'utf8').split('\n').slice(0, -1)) {
          const [jobId = '', executionId = '', monotonicMs, epochMs] = line.split(' ');
          const own = starts.get(jobId) ?? [];
          starts.set(jobId, own);
          own.push({ executionId, monotonicMs: Number(monotonicMs), epochMs: Number(epochMs) });
        }
        const missing = ids.filter((id) => !starts.has(id)).length;
        if (missing > 0) throw new Error(`the handlers of ${missing} jobs were never called`);
        return starts;
      },
      { timeout: timeoutSeconds * 1000 },
    );
  }

  /** When the last job was completed, on the database's clock. */
  async lastFinish(): Promise<Date> {
    const { rows } = await this.turn.database.query<{ at: Date }>(`SELECT max(finished_at) AS at FROM job`);
    return rows[0]!.at;
  }
}

export interface SubmitOptions {
  /** [20] */
  connections?: number;
  /** `job` of the request's body [{ workflow: 'noop' }]. */
  job?: object;
  parameters?: object;
}

/** What the apps load before their own code: the notes of handler starts, a CPU profile with `--profile`. */
function preloads(turn: Turn, handlerStarts: boolean): Record<string, string> {
  const { profileFolder } = turn.options;
  const files = [...(handlerStarts ? ['handler-starts.js'] : []), ...(profileFolder ? ['cpu-profile.js'] : [])];
  if (files.length === 0) return {};
  return {
    NODE_OPTIONS: files.map((file) => `--require ${join(__dirname, file)}`).join(' '),
    BENCH_HANDLER_STARTS: turn.at(STARTS),
    ...(profileFolder ? { BENCH_PROFILE_FOLDER: resolve(profileFolder, basename(turn.options.folder)) } : {}),
  };
}
