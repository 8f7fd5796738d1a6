import type { GraphOperation, Operation, RequestRecord } from '../history';
import { fetchJson } from '../../support/fetch-json';

/** Milliseconds until a request counts as not answered. */
const PATIENCE = 4_000;

export interface Account {
  name: string;
  key: string;
}

/** Sends requests to gateways in turn and writes each of them down with its answer. */
export class ApiClient {
  private turn = 0;

  constructor(
    private readonly gateways: () => string[],
    private readonly record: RequestRecord[],
  ) {}

  async send(account: Account, operation: Operation, body: Body): Promise<RequestRecord> {
    const urls = this.gateways();
    this.turn += 1;
    const { method, path, json } = body;
    const request: RequestRecord = {
      operation,
      client: account.name,
      sentAt: Date.now(),
      answeredAt: Infinity,
      status: 0,
      text: 'under way',
    };
    this.record.push(request);
    try {
      const answer = await fetchJson<{ id?: unknown; data?: { id?: unknown } } | undefined>(
        `${urls[this.turn % urls.length]}${path}`,
        {
          method,
          body: json,
          headers: { client: account.name, 'api-key': account.key, authorization: `ApiKey ${account.key}` },
          timeout: PATIENCE,
        },
      );
      const id = answer.body?.id ?? answer.body?.data?.id;
      Object.assign(request, {
        status: answer.status,
        text: answer.text,
        ...((typeof id === 'string' || typeof id === 'number') && { id: String(id).replace('task-', '') }),
      });
    } catch (error) {
      const { message, cause } = error as Error & { cause?: { code?: string } };
      request.text = cause?.code ?? message;
    }
    request.answeredAt = Date.now();
    return request;
  }
}

export interface Body {
  method: 'POST' | 'PUT';
  path: string;
  json: unknown;
}

/** The request of the API that asks for an operation. */
export function requestOf(
  operation: Exclude<Operation, { kind: 'submit' } | GraphOperation> | { kind: 'submit'; json: unknown },
): Body {
  const update = (jobId: string, json: object): Body => ({ method: 'PUT', path: `/jobs/${jobId}`, json });
  switch (operation.kind) {
    case 'submit':
      return { method: 'POST', path: '/job', json: operation.json };
    case 'pause':
      return update(operation.jobId, { queue_state: 'paused' });
    case 'resume':
      return update(operation.jobId, { queue_state: 'queued' });
    case 'break':
      return update(operation.jobId, { queue_state: 'broken' });
    case 'rerun':
      return { method: 'POST', path: `/jobs/${operation.jobId}/rerun`, json: {} };
    case 'priority':
      return update(operation.jobId, { priority: operation.value });
    case 'run_at':
      return update(operation.jobId, { run_at: new Date(operation.at).toISOString() });
    case 'semaphore':
      return update(operation.jobId, { semaphore_url: operation.url });
    case 'setting':
      return { method: 'POST', path: '/settings', json: { name: operation.name, setting: String(operation.value) } };
    case 'push':
      return { method: 'POST', path: '/push_jobs', json: {} };
  }
}

/** The request of the Task Scheduler API that asks for an operation. */
export function graphRequestOf(operation: GraphOperation): Body {
  const path = `/api/tasks/task-${operation.jobId}`;
  if (operation.kind !== 'depend') return { method: 'POST', path: `${path}/${operation.kind}`, json: {} };
  return { method: 'PUT', path, json: { dependencies: operation.on.map((id) => `task-${id}`) } };
}
