import { Client } from 'pg';
import { eventually } from '../../support/eventually';
import { Description } from './described';
import { fetchJson, type JsonAnswer, type JsonRequest } from '../../support/fetch-json';

export const KEYS = { 'demo-client': 'demo-key', 'other-client': 'other-key-5678' } as const;

/** For BOOTSTRAP_CLIENTS. */
export const BOOTSTRAP = Object.entries(KEYS)
  .map(([name, key]) => `${name}:${key}`)
  .join(',');

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what an answer holds is what the tests find out
export type Shown = any;
export type Answer = JsonAnswer<Shown>;

/** `2023-06-15T10:00:00Z`. */
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string;
export const TASK_ID = expect.stringMatching(/^task-[1-9]\d*$/) as string;
export const WORKER_ID = expect.stringMatching(/^worker-[0-9a-f-]{36}$/) as string;
/** Of a task that waits for nothing but this time. */
export const FAR = '2099-01-01T00:00:00Z';

/** The Task Scheduler's API as one of its clients calls it. */
export class TaskSchedulerClient {
  /** @param authorization the header of every request; none when it is empty */
  constructor(
    readonly url: string,
    readonly authorization: string = `ApiKey ${KEYS['demo-client']}`,
  ) {}

  /** The same server for somebody else. */
  as(authorization: string): TaskSchedulerClient {
    return new TaskSchedulerClient(this.url, authorization);
  }

  /** The same server for the other client. */
  get other(): TaskSchedulerClient {
    return this.as(`ApiKey ${KEYS['other-client']}`);
  }

  /**
   * Every answer has to be as the API describes it.
   * @param path below /api, or a whole one
   */
  async call(method: string, path: string, request: Omit<JsonRequest, 'method'> = {}): Promise<Answer> {
    const headers = { ...(this.authorization !== '' && { authorization: this.authorization }), ...request.headers };
    const address = path.startsWith('/api') ? path : `/api${path}`;
    const description = await Description.of(this.url);
    const answer = await fetchJson<Shown>(`${this.url}${address}`, { ...request, method, headers });
    description.check(method, address, answer, !this.authorization.startsWith('Bearer tet_'));
    return answer;
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  post(path: string, body?: unknown): Promise<Answer> {
    return this.call('POST', path, { body });
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.call('PUT', path, { body });
  }

  delete(path: string): Promise<Answer> {
    return this.call('DELETE', path);
  }

  /** A task that must be accepted. @returns its id */
  async create(fields: object = {}): Promise<string> {
    const answer = await this.post('/tasks', { name: 'a task', command: 'true', ...fields });
    if (answer.status !== 201) throw new Error(`refused with ${answer.status}: ${answer.text}`);
    return answer.body.data.id as string;
  }

  /** A task that does not start by itself. */
  waiting(fields: object = {}): Promise<string> {
    return this.create({ scheduled_at: FAR, ...fields });
  }

  async task(id: string): Promise<Shown> {
    return (await this.get(`/tasks/${id}`)).body.data;
  }

  /** The task once it has this status. */
  async reaches(id: string, status: string, timeout = 20_000): Promise<Shown> {
    return eventually(
      async () => {
        const task = await this.task(id);
        expect({ id, status: task.status, error: task.error }).toMatchObject({ status });
        return task;
      },
      { timeout },
    );
  }
}

/** Refused in the envelope, with nothing else in it. */
export function expectRefused(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status });
  expect(Object.keys(answer.body)).toEqual(['error']);
  const { details, ...error } = answer.body.error;
  expect(error).toEqual({ code, message: expect.stringMatching(/./) });
  if (details !== undefined) expect(Object.keys(details)).not.toEqual([]);
  expect(answer.text).not.toMatch(/ at .*\(|node_modules|\.ts:|\.js:/);
}

export interface RouteCall {
  /** As the API's own description has it. */
  route: string;
  method: string;
  path: string;
  body: unknown;
}

/** Every route of the dialect from its own description, with the body of its example. @param ids for the parts of paths */
export async function everyRoute(
  api: TaskSchedulerClient,
  ids: { task?: string; worker?: string; webhook?: string; delivery?: string } = {},
): Promise<RouteCall[]> {
  const { paths } = (await fetchJson<Shown>(`${api.url}/openapi/task-scheduler.json`)).body;
  const { task = 'task-1', webhook = 'webhook-1', delivery = 'delivery-1', worker = NO_WORKER } = ids;
  const idOf = (path: string) => (path.includes('/tasks/{id}') ? task : path.includes('/workers/') ? worker : webhook);
  const calls = Object.entries<Shown>(paths).flatMap(([path, item]) =>
    Object.entries<Shown>(item).map(([method, { requestBody }]) => ({
      route: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path: path.replace('{id}', idOf(path)).replace('{delivery}', delivery),
      body: requestBody?.content['application/json'].example as unknown,
    })),
  );
  expect(calls).toHaveLength(19);
  return calls;
}

export const NO_WORKER = 'worker-00000000-0000-4000-8000-000000000000';

/** Looks into the database of a suite. */
export async function query<Row = Shown>(databaseUrl: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(text, values)).rows as Row[];
  } finally {
    await client.end();
  }
}

/** Everything that a request to the dialect could have written. */
export const WRITTEN = `SELECT (SELECT json_agg(j ORDER BY j.id) FROM job j) AS jobs, (SELECT json_agg(g ORDER BY g.job_id) FROM graph_task g) AS tasks,
  (SELECT json_agg(e ORDER BY e) FROM graph_edge e) AS edges, (SELECT count(*) FROM job_log) AS log, (SELECT count(*) FROM job_transition) AS moves,
  (SELECT json_agg(w ORDER BY w.id) FROM webhook w) AS webhooks, (SELECT count(*) FROM delivery) AS deliveries,
  (SELECT count(*) FROM lane) AS lanes`;
