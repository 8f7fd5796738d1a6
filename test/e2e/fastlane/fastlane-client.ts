import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { WebSocket } from 'ws';
import { eventually } from '../../support/eventually';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what an answer holds is what the tests find out
export type Shown = any;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
  /** Parsed; undefined when it is no JSON. */
  body: Shown;
}

export interface Call {
  headers?: Record<string, string>;
  /** An object is sent as JSON; a text and bytes as they are. */
  body?: unknown;
  /** Content-Type of a body [application/json]; empty for none. */
  type?: string;
}

export const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3}000)?$/;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const HTML = 'text/html; charset=utf-8';

const OVER = ['done', 'failed', 'timedout', 'expired'];

/** fastlane's API as one of its clients calls it: addresses go out as they are written, nothing is followed or unpacked. */
export class FastlaneClient {
  /** @param headers of every request */
  constructor(
    readonly url: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  call(method: string, path: string, { headers = {}, body, type = 'application/json' }: Call = {}): Promise<Answer> {
    const { hostname, port } = new URL(this.url);
    const sent = typeof body === 'string' || Buffer.isBuffer(body) ? body : body && JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        host: hostname.replace(/^\[|\]$/g, ''),
        port,
        method,
        path,
        agent: false,
        headers: {
          ...(sent !== undefined && type !== '' && { 'content-type': type }),
          ...(sent !== undefined && { 'content-length': String(Buffer.byteLength(sent as string)) }),
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
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString();
          resolve({ status: response.statusCode!, headers: response.headers, bytes, text, body: parse(text) });
        });
      });
      request.end(sent);
    });
  }

  get(path: string, call?: Call): Promise<Answer> {
    return this.call('GET', path, call);
  }

  post(path: string, body?: unknown, call?: Call): Promise<Answer> {
    return this.call('POST', path, { body, ...call });
  }

  /** Enqueues what must be accepted. */
  async enqueue(task: string, fields: object = {}): Promise<Shown> {
    const answer = await this.post(`/tasks/${encodeURIComponent(task)}/`, {
      image: 'ubuntu',
      command: 'true',
      ...fields,
    });
    if (answer.status !== 200) throw new Error(`refused with ${answer.status}: ${answer.text}`);
    return answer.body;
  }

  async job({ taskId, jobId }: Shown): Promise<Shown> {
    return (await this.get(`/tasks/${encodeURIComponent(taskId)}/jobs/${jobId}/`)).body.job;
  }

  /** The newest execution of a job, once it has the status [any that is final]. */
  reached(enqueued: Shown, ...statuses: string[]): Promise<Shown> {
    const wanted = statuses.length > 0 ? statuses : OVER;
    return eventually(
      async () => {
        const [newest] = (await this.job(enqueued)).executions;
        if (!wanted.includes(newest?.status)) throw new Error(`${newest?.status}: ${newest?.error}`);
        return newest;
      },
      { timeout: 20_000 },
    );
  }

  follow(path: string, headers: Record<string, string> = {}): LiveLog {
    return new LiveLog(`${this.url.replace('http', 'ws')}${path}`, { ...this.headers, ...headers });
  }
}

/** A follower over a WebSocket. */
export class LiveLog {
  readonly frames: string[] = [];
  readonly socket: WebSocket;
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Status of an answer that is no upgrade. */
  readonly refused: Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>;

  constructor(url: string, headers: Record<string, string>) {
    this.socket = new WebSocket(url, { headers });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) throw new Error('a binary frame');
      this.frames.push(data.toString());
    });
    this.opened = new Promise((resolve) => this.socket.once('open', () => resolve()));
    this.closed = new Promise((resolve) =>
      this.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    this.refused = new Promise((resolve) =>
      this.socket.once('unexpected-response', (_, response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.once('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
      }),
    );
  }

  get text(): string {
    return this.frames.join('');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
