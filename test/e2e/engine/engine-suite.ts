import { Pool } from 'pg';
import type { App, AppProcess } from '../../../scripts/local/app-process';
import type { LocalSuite } from '../../../scripts/local/local-suite';
import { eventually } from '../../support/eventually';
import { fetchJson, type JsonAnswer } from '../../support/fetch-json';
import { startSuite, type TestSuite, type TestSuiteOptions } from '../../support/start-suite';

export interface Submission {
  workflow: string;
  parameters?: object;
  /** Fields of the request's `job` beside the workflow. */
  job?: { priority?: number; run_at?: string; semaphore_url?: string };
}

export interface ExecutionRow {
  id: string;
  taskId: string;
  taskName: string;
  state: string;
  cause: string;
  error: string | null;
  /** `pid` of the process that had the lease; null while none had. */
  pid: number | null;
  startedAt: Date | null;
  finishedAt: Date | null;
}

const HEADERS = { client: 'demo-client', 'api-key': 'demo-key' };
/** Requests under way at one time when many jobs are submitted. */
const SENDERS = 16;

/** Two replicas of the five apps with what the engine's tests do to them: submit through every gateway, look into the database, kill. */
export class EngineSuite {
  private next = 0;

  private constructor(
    private readonly suite: TestSuite,
    private readonly pool: Pool,
  ) {}

  static async start(options: TestSuiteOptions = {}): Promise<EngineSuite> {
    const suite = await startSuite({ replicas: 2, ...options });
    const pool = new Pool({ connectionString: suite.databaseUrl, max: 3 });
    // an idle connection that ends with its server is replaced at the next query
    pool.on('error', () => undefined);
    return new EngineSuite(suite, pool);
  }

  async stop(): Promise<void> {
    await this.pool.end();
    await this.suite.stop();
  }

  get local(): LocalSuite {
    return this.suite.suite;
  }

  async query<Row extends object>(text: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(text, parameters)).rows;
  }

  /** One request; the gateways take turns. */
  async call<T = { id?: string }>(method: string, path: string, body?: unknown): Promise<JsonAnswer<T>> {
    const gateways = this.members('api-gateway');
    this.next += 1;
    return fetchJson<T>(`${gateways[this.next % gateways.length]!.url}${path}`, { method, body, headers: HEADERS });
  }

  /** POST /job as it is answered. */
  send({ workflow, parameters = {}, job = {} }: Submission): Promise<JsonAnswer<{ id?: string } | undefined>> {
    return this.call('POST', '/job', { client: HEADERS.client, job: { workflow, ...job }, parameters });
  }

  /** Submits a job that must be accepted. */
  async submit(workflow: string, parameters?: object, job?: Submission['job']): Promise<string> {
    const { status, body, text } = await this.send({ workflow, parameters, job });
    if (status !== 200) throw new Error(`POST /job answered ${status}: ${text}`);
    return String(body?.id);
  }

  /** Submits many, some at one time; answers their ids in the order given. */
  async submitAll(submissions: Submission[]): Promise<string[]> {
    const ids: string[] = [];
    const entries = submissions.entries();
    const sender = async () => {
      for (const [index, { workflow, parameters, job }] of entries)
        ids[index] = await this.submit(workflow, parameters, job);
    };
    await Promise.all(Array.from({ length: SENDERS }, sender));
    return ids;
  }

  async change(jobId: string, changes: object): Promise<void> {
    const { status, text } = await this.call('PUT', `/jobs/${jobId}`, changes);
    if (status !== 200) throw new Error(`PUT /jobs/${jobId} answered ${status}: ${text}`);
  }

  /** Changes settings of the engine. */
  async set(settings: Record<string, number>): Promise<void> {
    for (const [name, value] of Object.entries(settings)) {
      const { status, text } = await this.call('POST', '/settings', { name, setting: String(value) });
      if (status !== 200) throw new Error(`POST /settings answered ${status}: ${text}`);
    }
  }

  /** How many of the jobs are in each state. */
  async states(jobIds: string[]): Promise<Record<string, number>> {
    const rows = await this.query<{ state: string; n: number }>(
      'SELECT state, count(*)::int AS n FROM job WHERE id = ANY($1::bigint[]) GROUP BY state',
      [jobIds],
    );
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  }

  /** Waits until all jobs are in the state [completed]. */
  async reached(jobIds: string[], timeout: number, state = 'completed'): Promise<void> {
    await eventually(async () => expect(await this.states(jobIds)).toEqual({ [state]: jobIds.length }), { timeout });
  }

  /** Executions of a job, oldest first. */
  executions(jobId: string): Promise<ExecutionRow[]> {
    return this.query<ExecutionRow>(
      `SELECT e.id, e.task_id AS "taskId", t.name AS "taskName", e.state, e.cause, e.error, w.pid,
              e.started_at AS "startedAt", e.finished_at AS "finishedAt"
       FROM execution e JOIN task t ON t.id = e.task_id LEFT JOIN worker w ON w.id = e.worker_id
       WHERE e.job_id = $1 ORDER BY e.id`,
      [jobId],
    );
  }

  /** Waits until the n-th execution [1] of a job runs. */
  running(jobId: string, n = 1, timeout = 10_000): Promise<ExecutionRow & { startedAt: Date }> {
    return eventually(
      async () => {
        const found = (await this.executions(jobId))[n - 1];
        expect(found).toMatchObject({ state: 'running' });
        return found as ExecutionRow & { startedAt: Date };
      },
      { timeout },
    );
  }

  /** Messages of a job's log, oldest first. */
  async messages(jobId: string): Promise<string[]> {
    const rows = await this.query<{ message: string }>('SELECT message FROM job_log WHERE job_id = $1 ORDER BY id', [
      jobId,
    ]);
    return rows.map(({ message }) => message);
  }

  members(app: App): AppProcess[] {
    return this.local.members.filter((member) => member.app === app);
  }

  /** The process that has the lease of an execution. */
  holder({ pid }: ExecutionRow): AppProcess {
    const found = this.members('task-worker').find((member) => member.pid === pid);
    if (!found) throw new Error(`no worker with process number ${pid}`);
    return found;
  }

  /** Log lines of all replicas of an app. */
  logLines(app: App): { message: string; time: string; [field: string]: unknown }[] {
    return this.members(app).flatMap(({ replica }) =>
      this.suite
        .log(app, replica)
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as { message: string; time: string }),
    );
  }

  /** Waits until a worker says that it is done with an execution, and how. */
  async left(executionId: string, timeout: number): Promise<{ outcome: string; at: Date }> {
    return eventually(
      () => {
        const line = this.logLines('task-worker').find(
          (each) => each.message === 'execution ended' && each.executionId === executionId,
        );
        if (!line) throw new Error(`no worker has left execution ${executionId}`);
        return { outcome: String(line.outcome), at: new Date(line.time) };
      },
      { timeout },
    );
  }

  /** The scheduler [of all] that leads. */
  leader(timeout = 20_000, among = this.members('scheduler')): Promise<AppProcess> {
    return eventually(
      async () => {
        for (const member of among) {
          const text = await fetch(`${member.url}/metrics`).then(
            (answer) => answer.text(),
            () => '',
          );
          if (/^task_engine_scheduler_leader(\{.*\})? 1$/m.test(text)) return member;
        }
        throw new Error('no scheduler leads');
      },
      { timeout },
    );
  }

  /** Status of every app's /readyz; 0 where nobody answers. */
  readiness(): Promise<number[]> {
    return Promise.all(
      this.local.members.map(({ url }) =>
        fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) }).then(
          ({ status }) => status,
          () => 0,
        ),
      ),
    );
  }

  /** Waits until every app is ready. */
  async recovered(timeout: number): Promise<void> {
    await eventually(async () => expect(new Set(await this.readiness())).toEqual(new Set([200])), { timeout });
  }
}

/** Shows a number that a test measured. */
export function measured(what: string, value: number, unit: 'ms' | 's' | ''): void {
  process.stdout.write(`  measured: ${what}: ${Math.round(value * 100) / 100}${unit && ` ${unit}`}\n`);
}

/** Milliseconds from one moment to another. */
export const between = (from: Date | number, to: Date | number): number => Number(to) - Number(from);
