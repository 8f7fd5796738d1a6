import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { epochMs } from './harness/clocks';

/** What came to one endpoint since `begin`. */
export interface EndpointCount {
  /** Requests with a good signature. */
  requests: number;
  /** Different ids among them. */
  ids: number;
  /** Requests whose signature is missing or wrong. */
  unsigned: number;
  /** When the last id came for the first time, in ms since the epoch, with fractions; 0 for none. */
  lastAt: number;
}

/** One receiver of callbacks: checks the signature, remembers the ids, answers 200, or never while it hangs. */
export class Endpoint {
  private ids = new Set<string>();
  private requests = 0;
  private unsigned = 0;
  private lastAt = 0;
  private hanging = false;
  private readonly held = new Set<ServerResponse>();

  private constructor(
    readonly url: string,
    private readonly key: Buffer,
  ) {}

  /** @param secret `whsec_` and the base64 of the key */
  static async listen(secret: string): Promise<Endpoint> {
    const server = createServer();
    // the senders keep their connections between two rounds; who closes first would decide the other's reconnects
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const endpoint = new Endpoint(
      `http://127.0.0.1:${port}/callback`,
      Buffer.from(secret.slice('whsec_'.length), 'base64'),
    );
    server.on('request', (request: IncomingMessage, response: ServerResponse) => endpoint.receive(request, response));
    return endpoint;
  }

  begin(hanging: boolean): void {
    this.ids = new Set();
    this.requests = 0;
    this.unsigned = 0;
    this.lastAt = 0;
    this.hanging = hanging;
  }

  /** Ends the hang: the open requests are answered too. */
  release(): void {
    this.hanging = false;
    for (const response of this.held) response.end();
    this.held.clear();
  }

  get count(): EndpointCount {
    return { requests: this.requests, ids: this.ids.size, unsigned: this.unsigned, lastAt: this.lastAt };
  }

  get received(): string[] {
    return [...this.ids];
  }

  private receive(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      this.take(request, Buffer.concat(chunks));
      if (!this.hanging) response.end();
      else {
        this.held.add(response);
        response.on('close', () => this.held.delete(response));
      }
    });
  }

  private take({ headers }: IncomingMessage, body: Buffer): void {
    const id = String(headers['webhook-id']);
    const expected = createHmac('sha256', this.key)
      .update(`${id}.${String(headers['webhook-timestamp'])}.`)
      .update(body)
      .digest();
    const given = Buffer.from(String(headers['webhook-signature']).replace(/^v1,/, ''), 'base64');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      this.unsigned += 1;
      return;
    }
    this.requests += 1;
    if (this.ids.has(id)) return;
    this.ids.add(id);
    this.lastAt = epochMs();
  }
}
