import { eventually } from '../../support/eventually';
import { fetchJson } from '../../support/fetch-json';

export interface Execution {
  executionId: string;
  status: string;
  exitCode: number | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  log: string | null;
  error: string | null;
  metadata: {
    container_id?: string;
    docker_host?: string;
    webhookDispatch?: { url: string; statusCode: number; timestamp: string }[];
  };
}

export interface CommandJob {
  executionCount: number;
  executions: Execution[];
  scheduled: boolean;
  metadata: { retries: number; retry_count: number };
}

export interface Enqueued {
  taskId: string;
  jobId: string;
  executionId: string | null;
}

const OVER = ['done', 'failed', 'timedout', 'expired'];

/** Submits commands as a fastlane client does and watches what becomes of them. */
export class CommandClient {
  constructor(readonly url: string) {}

  async submit(task: string, payload: object): Promise<Enqueued> {
    const body = { image: 'busybox', ...payload };
    const answer = await fetchJson<Enqueued>(`${this.url}/tasks/${encodeURIComponent(task)}/`, { body });
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
    return answer.body;
  }

  async post(path: string): Promise<{ status: number; text: string }> {
    return fetchJson(`${this.url}${path}`, { method: 'POST' });
  }

  stop({ taskId, jobId }: Enqueued) {
    return this.post(`/tasks/${taskId}/jobs/${jobId}/stop/`);
  }

  retry({ taskId, jobId }: Enqueued) {
    return this.post(`/tasks/${taskId}/jobs/${jobId}/retry/`);
  }

  async job({ taskId, jobId }: Enqueued): Promise<CommandJob> {
    const { body, status, text } = await fetchJson<{ job: CommandJob }>(`${this.url}/tasks/${taskId}/jobs/${jobId}/`);
    if (status !== 200) throw new Error(`${status}: ${text}`);
    // newer edition: beside the job
    return { ...body.job, executions: body.job.executions ?? (body as unknown as CommandJob).executions };
  }

  /** Waits until the job has `count` executions [1], all of them over; the oldest first. */
  over(job: Enqueued, count = 1, timeout = 20_000): Promise<Execution[]> {
    return eventually(
      async () => {
        const { executions } = await this.job(job);
        const found = executions.filter(({ status }) => OVER.includes(status));
        if (found.length < count || found.length < executions.length)
          throw new Error(`${JSON.stringify(executions.map(({ status, error }) => [status, error]))}`);
        return [...found].reverse();
      },
      { timeout },
    );
  }

  /** Waits until the newest execution has this status. */
  reached(job: Enqueued, status: string, timeout = 10_000): Promise<Execution> {
    return eventually(
      async () => {
        const [newest] = (await this.job(job)).executions;
        if (newest?.status !== status) throw new Error(`${newest?.status}: ${newest?.error}`);
        return newest;
      },
      { timeout },
    );
  }
}

/** A timestamp of the API in milliseconds. */
export function at(naive: string | null): number {
  return Date.parse(`${naive}Z`);
}
