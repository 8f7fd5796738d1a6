import { Client } from 'pg';
import { fetchJson, type JsonAnswer, type JsonRequest } from '../../support/fetch-json';

export const CLIENTS = { 'demo-client': 'demo-key', 'other-client': 'other-key-5678' } as const;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what an answer holds is what the tests find out
export type Shown = any;

/** For BOOTSTRAP_CLIENTS. */
export const BOOTSTRAP = Object.entries(CLIENTS)
  .map(([name, key]) => `${name}:${key}`)
  .join(',');

/** Task Engine's API as one of its clients calls it. */
export class TaskEngineClient {
  constructor(
    readonly url: string,
    readonly name: keyof typeof CLIENTS = 'demo-client',
  ) {}

  get headers(): Record<string, string> {
    return { client: this.name, 'api-key': CLIENTS[this.name] };
  }

  /** With the client's headers; others are added or win. */
  async call<T = Shown>(
    method: string,
    path: string,
    request: Omit<JsonRequest, 'method'> = {},
  ): Promise<JsonAnswer<T>> {
    return fetchJson<T>(`${this.url}${path}`, { ...request, method, headers: { ...this.headers, ...request.headers } });
  }

  /** Without any header: the reads that the documents leave open. */
  async get<T = Shown>(path: string): Promise<JsonAnswer<T>> {
    return fetchJson<T>(`${this.url}${path}`);
  }

  async post<T = Shown>(path: string, body: unknown): Promise<JsonAnswer<T>> {
    return this.call<T>('POST', path, { body });
  }

  async put<T = Shown>(path: string, body: unknown): Promise<JsonAnswer<T>> {
    return this.call<T>('PUT', path, { body });
  }

  /** Submits a job that must be accepted. */
  async submit(workflow: string, parameters: object = {}, job: object = {}): Promise<number> {
    const answer = await this.post('/job', { client: this.name, job: { workflow, ...job }, parameters });
    if (answer.status !== 200) throw new Error(`refused with ${answer.status}: ${answer.text}`);
    return Number(answer.body.id);
  }

  async job(id: number): Promise<Shown> {
    return (await this.get(`/jobs/${id}`)).body;
  }
}

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
