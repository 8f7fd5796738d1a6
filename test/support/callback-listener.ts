import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './eventually';

/** One request as it came. */
export interface ReceivedRequest {
  method: string;
  /** With the query string. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body parsed; undefined when it is not JSON. */
  json: unknown;
  receivedAt: Date;
}

/** What to answer. */
export interface Answer {
  /** [200] */
  status?: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: string | object;
  /** Milliseconds before the answer [0]. */
  delay?: number;
  /** Never answers: the request stays open until the caller goes or the listener closes. */
  hang?: boolean;
}

/** A real HTTP server on loopback that records what it gets and answers as told: for callbacks, webhooks, semaphores. */
export class CallbackListener {
  /** In the order of arrival. */
  readonly requests: ReceivedRequest[] = [];
  private readonly answers = new Map<string, Answer[]>();

  private constructor(
    private readonly server: Server,
    private readonly standard: Answer,
  ) {}

  /** @param standard the answer where `answer` says nothing [200, empty]. */
  static async start(standard: Answer = {}): Promise<CallbackListener> {
    const server = createServer();
    const listener = new CallbackListener(server, standard);
    server.on(
      'request',
      (request, response) => void listener.handle(request, response).catch(() => response.destroy()),
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return listener;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Address of a path [/] on this listener. */
  url(path = '/'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Answers for the next requests to a path (without query), one each; the last one stays. */
  answer(path: string, ...answers: Answer[]): this {
    this.answers.set(path, [...answers]);
    return this;
  }

  /** Requests to a path (without query). */
  to(path: string): ReceivedRequest[] {
    return this.requests.filter((request) => pathOf(request.path) === path);
  }

  /** Waits until `count` requests [1] for which the test holds have come, and gives them. */
  received(
    count = 1,
    test: (request: ReceivedRequest) => boolean = () => true,
    options: { timeout?: number } = {},
  ): Promise<ReceivedRequest[]> {
    return eventually(() => {
      const found = this.requests.filter(test);
      if (found.length >= count) return found;
      throw new Error(
        `${found.length} of ${count} requests came: ${this.requests.map(({ method, path }) => `${method} ${path}`).join(', ')}`,
      );
    }, options);
  }

  /** Ends the server and whatever request is open. */
  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(() => done()));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const receivedAt = new Date();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const { method = '', url: path = '', headers } = request;
    this.requests.push({ method, path, headers, body, json: parse(body), receivedAt });
    const answer = this.nextAnswer(pathOf(path));
    if (answer.hang) return;
    if (answer.delay) await delay(answer.delay);
    const isObject = typeof answer.body === 'object';
    const type: Record<string, string> = isObject ? { 'content-type': 'application/json' } : {};
    response.writeHead(answer.status ?? 200, { ...type, ...answer.headers });
    response.end(isObject ? JSON.stringify(answer.body) : answer.body);
  }

  private nextAnswer(path: string): Answer {
    const queue = this.answers.get(path);
    const next = queue && queue.length > 1 ? queue.shift() : queue?.[0];
    return next ?? this.standard;
  }
}

const pathOf = (path: string) => path.split('?', 1)[0] ?? path;

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
