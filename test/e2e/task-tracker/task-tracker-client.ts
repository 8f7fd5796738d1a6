import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what an answer holds is what the tests find out
export type Shown = any;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Parsed; undefined when it is no JSON. */
  body: Shown;
}

export interface Call {
  headers?: Record<string, string>;
  /** An object is sent as JSON, bigints with all their digits; a text and bytes as they are. */
  body?: unknown;
  /** Content-Type of a body [curl's]; empty for none. */
  type?: string;
}

export const CURL_TYPE = 'application/x-www-form-urlencoded';
export const TEXT = 'text/plain; charset=utf-8';
export const PASSWORD = 'correct horse';

/** task_tracker's API as its clients call it: addresses go out as they are written. */
export class TaskTrackerClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 32 });

  /** @param headers of every request */
  constructor(
    readonly url: string,
    readonly headers: Record<string, string> = {},
  ) {}

  /** The same server for somebody else. */
  with(headers: Record<string, string>): TaskTrackerClient {
    return new TaskTrackerClient(this.url, headers);
  }

  call(method: string, path: string, { headers = {}, body, type = CURL_TYPE }: Call = {}): Promise<Answer> {
    const { hostname, port } = new URL(this.url);
    const sent = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : json(body);
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        host: hostname,
        port,
        method,
        path,
        agent: this.agent,
        headers: {
          ...(sent !== undefined && type !== '' && { 'content-type': type }),
          ...(sent !== undefined && { 'content-length': String(Buffer.byteLength(sent)) }),
          ...this.headers,
          ...headers,
        },
      });
      request.once('error', reject);
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode!, headers: response.headers, text, body: parse(text) });
        });
      });
      request.end(sent);
    });
  }

  get(path: string, call?: Call): Promise<Answer> {
    return this.call('GET', path, call);
  }

  /** Without a body, when none is given. */
  post(path: string, body?: unknown, call?: Call): Promise<Answer> {
    return this.call('POST', path, { body, ...call });
  }

  /** A new worker, as a client of its own. */
  async worker(alias = 'w'): Promise<WorkerClient> {
    const { worker } = (await this.accepted('/worker/create', { alias })).content;
    return new WorkerClient(this.url, worker);
  }

  /** A new manager who is logged in; the first of a database is an admin. */
  async manager(username: string, password = PASSWORD): Promise<TaskTrackerClient> {
    return this.with({ cookie: cookieOf(await this.post('/register', { username, password })) });
  }

  /** Of a manager: a new project. */
  async project(fields: object = {}): Promise<number> {
    const name = `project ${Math.random()}`;
    return (await this.accepted('/project/create', { name, ...fields })).content.id;
  }

  /** Of a manager: access that the worker asks for. */
  async grant(worker: WorkerClient, project: number, access: { assign?: boolean; submit?: boolean }): Promise<void> {
    await worker.accepted('/project/request_access', { project, assign: false, submit: false, ...access });
    await this.accepted(`/project/accept_request/${project}/${worker.id}`);
  }

  /** A POST that must be answered with ok. */
  async accepted(path: string, body?: unknown): Promise<Shown> {
    const answer = await this.post(path, body);
    if (answer.status !== 200 || answer.body?.ok !== true)
      throw new Error(`${path} was refused with ${answer.status}: ${answer.text}`);
    return answer.body;
  }
}

/** What one worker does. */
export class WorkerClient extends TaskTrackerClient {
  readonly id: number;
  readonly secret: string;

  constructor(url: string, worker: { id: number; secret: string }) {
    super(url, { 'X-Worker-ID': String(worker.id), 'X-Secret': worker.secret });
    this.id = worker.id;
    this.secret = worker.secret;
  }

  /** @returns the id of a task that must be accepted */
  async submit(project: number, fields: object = {}): Promise<number> {
    return (await this.accepted('/task/submit', { project, recipe: 'r', ...fields })).content.id;
  }

  /** The next task; undefined when there is none. */
  async take(project: number): Promise<Shown> {
    const { status, body, text } = await this.get(`/task/get/${project}`);
    if (status !== 200) throw new Error(`refused with ${status}: ${text}`);
    return body.content?.task;
  }

  /** @returns whether the task was updated */
  async release(taskId: number, result = 0, verification: bigint | number = 0): Promise<boolean> {
    const { content } = await this.accepted('/task/release', { task_id: taskId, result, verification });
    return content.updated;
  }
}

/** The cookie that an answer sets, as it is sent back. */
export function cookieOf({ status, headers, text }: Answer): string {
  const cookie = headers['set-cookie']?.[0]?.split(';')[0];
  if (cookie === undefined) throw new Error(`no cookie, but ${status}: ${text}`);
  return cookie;
}

function json(value: unknown): string {
  const digits: string[] = [];
  const text = JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === 'bigint' ? `bigint ${digits.push(entry.toString())}` : entry,
  );
  return text.replace(/"bigint (\d+)"/g, (_, index: string) => digits[Number(index) - 1]!);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
