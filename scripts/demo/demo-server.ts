import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';

/** A callback's body: of a task when it has an `event`, of the job when it has a `status`. */
export interface Callback {
  receivedAt: Date;
  task_name?: string;
  event?: string;
  status?: string;
  message?: unknown;
  files?: string[];
  metadata?: { duration?: number };
}

/** A webhook's body. */
export interface Webhook {
  status: string;
  exitCode: number | null;
}

/** What stands around an engine: the origin of the video, the receiver of callbacks and a semaphore, on 127.0.0.1. */
export class DemoServer {
  /** In the order of arrival, by the job they tell about. */
  private readonly received = new Map<string, Callback[]>();
  private readonly webhooks = new Map<string, Webhook>();
  private semaphoreOpen = false;
  private asked = 0;

  private constructor(
    private readonly server: Server,
    private readonly folder: string,
  ) {}

  /** @param folder whose files are served under /source/ */
  static async start(folder: string): Promise<DemoServer> {
    const server = createServer();
    const demo = new DemoServer(server, folder);
    server.on('request', (request, response) => void demo.handle(request, response).catch(() => response.destroy()));
    await new Promise<void>((done, refuse) => server.once('error', refuse).listen(0, '127.0.0.1', done));
    return demo;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** What the webhook of a command told. */
  webhook(jobId: string): Webhook | undefined {
    return this.webhooks.get(jobId);
  }

  callbacks(jobId: string): Callback[] {
    return this.received.get(jobId) ?? [];
  }

  /** How often the semaphore was asked. */
  get semaphoreAsked(): number {
    return this.asked;
  }

  openSemaphore(): void {
    this.semaphoreOpen = true;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (request.method === 'POST' && path === '/webhook') {
      const body = (await bodyOf(request)) as Webhook & { job_id: string };
      this.webhooks.set(body.job_id, body);
      response.writeHead(204).end();
    } else if (request.method === 'POST' && path === '/callback') {
      const body = (await bodyOf(request)) as Callback & { job_id: string };
      this.received.set(body.job_id, [...this.callbacks(body.job_id), { ...body, receivedAt: new Date() }]);
      response.writeHead(204).end();
    } else if (path === '/semaphore') {
      this.asked++;
      response.writeHead(this.semaphoreOpen ? 200 : 503).end();
    } else if (path.startsWith('/source/')) {
      const file = join(this.folder, basename(path));
      const size = await stat(file).then(
        (found) => found.size,
        () => undefined,
      );
      if (size === undefined) response.writeHead(404).end();
      else createReadStream(file).pipe(response.writeHead(200, { 'content-length': size }));
    } else {
      response.writeHead(404).end();
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}
