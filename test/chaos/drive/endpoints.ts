import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Arrival, SemaphoreAnswer } from '../history';
import { Random } from '../random';

/** How callbacks are answered while faults happen. */
const ANSWERS = { ok: 80, error: 8, busy: 2, reset: 4, slow: 3, hang: 2, gone: 1 };

/** A real HTTP server that plays the outside world: semaphores that open at their time, and endpoints of callbacks that fail now and then. */
export class Endpoints {
  readonly arrivals: Arrival[] = [];
  readonly semaphores: SemaphoreAnswer[] = [];
  /** Nothing fails and every semaphore is open. */
  healthy = false;
  private readonly opensAt = new Map<string, number>();
  private count = 0;

  private constructor(
    private readonly server: Server,
    private readonly random: Random,
  ) {}

  static async start(random: Random): Promise<Endpoints> {
    const server = createServer();
    const endpoints = new Endpoints(server, random);
    server.on(
      'request',
      (request, response) => void endpoints.handle(request, response).catch(() => response.destroy()),
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return endpoints;
  }

  /** A semaphore of its own that opens after that many milliseconds. */
  semaphore(opensAfterMs: number): string {
    const path = `/semaphore/${(this.count += 1)}`;
    this.opensAt.set(path, Date.now() + opensAfterMs);
    return this.url(path);
  }

  callback(number: number): string {
    return this.url(`/callback/${number}`);
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(() => done()));
  }

  private url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const opensAt = this.opensAt.get(path);
    if (opensAt !== undefined) {
      const at = Date.now();
      const open = this.healthy || at >= opensAt;
      this.semaphores.push({ at, url: this.url(path), open });
      response.writeHead(open ? 200 : 503).end();
      return;
    }
    await this.receive(request, path, Buffer.concat(chunks).toString(), response);
  }

  private async receive({ headers }: IncomingMessage, path: string, body: string, response: ServerResponse) {
    const text = (name: string) => (typeof headers[name] === 'string' ? headers[name] : '');
    const arrival: Arrival = {
      at: Date.now(),
      url: this.url(path),
      messageId: text('webhook-id'),
      timestamp: text('webhook-timestamp'),
      signature: text('webhook-signature'),
      body,
      status: 0,
    };
    this.arrivals.push(arrival);
    const answer = (status: number, more: Record<string, string> = {}) => {
      arrival.status = status;
      response.writeHead(status, more).end();
    };
    switch (this.healthy ? 'ok' : this.random.weighted(ANSWERS)) {
      case 'ok':
        return answer(200);
      case 'error':
        return answer(500);
      case 'busy':
        return answer(429, { 'retry-after': '1' });
      case 'gone':
        return answer(410);
      case 'reset':
        response.destroy();
        return;
      case 'slow':
        await delay(800);
        return answer(200);
      case 'hang':
        return;
    }
  }
}
