import { setTimeout as delay } from 'node:timers/promises';
import { LocalError } from '../local/local-error';

/** What the demo reads of GET /jobs/:id. */
export interface JobFacts {
  id: number;
  queue_state: string;
  failed: boolean;
}

/** What the demo reads of a row of GET /logs/:id. */
export interface LogRow {
  id: number;
  progname: string;
  task_id: number;
  message: string;
  created_at: string;
}

/** What a caller hands in: `job` and `parameters` of POST /job. */
export interface Submission {
  workflow: string;
  priority?: number;
  /** UTC. */
  runAt?: Date;
  semaphoreUrl?: string;
  parameters?: object;
}

/** The Task Engine API as a client of it sees it, over HTTP. */
export class EngineClient {
  /** Of every job that was handed in, in order. */
  readonly submitted: string[] = [];

  /** @param signal ends every request and every wait. */
  constructor(
    private readonly url: string,
    private readonly client: { name: string; key: string },
    private readonly signal: AbortSignal,
  ) {}

  /** @returns the id of the job. @throws LocalError with the engine's words when it is refused. */
  async submit({ workflow, priority, runAt, semaphoreUrl, parameters = {} }: Submission): Promise<string> {
    const job = { workflow, priority, run_at: runAt?.toISOString(), semaphore_url: semaphoreUrl };
    const { id } = await this.call<{ id: string }>('POST', '/job', { client: this.client.name, job, parameters });
    this.submitted.push(id);
    return id;
  }

  job(id: string): Promise<JobFacts> {
    return this.call('GET', `/jobs/${id}`);
  }

  log(id: string): Promise<LogRow[]> {
    return this.call('GET', `/logs/${id}`);
  }

  /** How many jobs, of whatever client, hold or await a slot. */
  async unfinished(): Promise<number> {
    const { jobs } = await this.call<{ jobs: { started: number; queued: number } }>('GET', '/health');
    return jobs.started + jobs.queued;
  }

  async set(name: string, value: number): Promise<void> {
    await this.call('POST', '/settings', { name, setting: String(value) });
  }

  async break(id: string): Promise<void> {
    await this.call('PUT', `/jobs/${id}`, { queue_state: 'broken' });
  }

  /**
   * Asks until there is an answer.
   * @param timeout milliseconds until it gives up
   * @throws LocalError saying what did not come in time
   */
  async until<T>(what: string, timeout: number, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
    const deadline = Date.now() + timeout;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (Date.now() > deadline) throw new LocalError(`not within ${timeout / 1000} s: ${what}`);
      await delay(100, undefined, { signal: this.signal });
    }
  }

  /** Waits until a job has come to its end. */
  finished(id: string, timeout: number): Promise<JobFacts> {
    return this.until(`the end of job ${id}`, timeout, async () => {
      const job = await this.job(id);
      return ['completed', 'broken'].includes(job.queue_state) ? job : undefined;
    });
  }

  /** The same client without the signal: to tidy up after an interruption. */
  unstoppable(): EngineClient {
    return new EngineClient(this.url, this.client, new AbortController().signal);
  }

  private async call<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = { client: this.client.name, 'api-key': this.client.key };
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: body ? { ...headers, 'content-type': 'application/json' } : headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.any([this.signal, AbortSignal.timeout(15_000)]),
    });
    const text = await answer.text();
    if (!answer.ok) throw new LocalError(`${method} ${path} was answered ${answer.status}: ${text.slice(0, 300)}`);
    return JSON.parse(text) as T;
  }
}
