import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GatewayConfiguration, Log, Shutdown } from '@task-engine/platform';
import { type WebSocket, WebSocketServer } from 'ws';
import { BasicAuth } from '../addresses/basic-auth';
import { allowsOrigin, corsHeaders } from '../addresses/cors';
import { HTML, htmlPage } from '../addresses/html-page';
import { treatSocket } from '../addresses/routes';
import { Follower } from './follower';
import type { LiveLogs } from './live-logs';
import { serveWithoutUpgrade } from './serve-without-upgrade';

/** Clients have nothing to say: answers to pings, and the end. */
const MAX_PAYLOAD_BYTES = 1_024;
/** A client that has not answered the ping before the next one is gone. */
const PING_MS = 30_000;
/** Between our "going away" and the end of the connection. */
const FAREWELL_MS = 1_000;

interface Refusal {
  status: string;
  headers?: Record<string, string>;
  body?: string;
}

/** The dialect's WebSockets, on every listener that it is served by. */
export class Sockets {
  private readonly server = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD_BYTES });
  private readonly auth: BasicAuth;
  private readonly followers = new WeakMap<WebSocket, Follower>();
  private readonly silent = new WeakSet<WebSocket>();
  private closing = false;

  constructor(
    private readonly configuration: GatewayConfiguration,
    private readonly liveLogs: Pick<LiveLogs, 'serve'>,
    private readonly log: Log,
    shutdown: Shutdown,
    private readonly pingMs = PING_MS,
  ) {
    this.auth = new BasicAuth(configuration);
    const heartbeat = setInterval(() => this.ping(), pingMs).unref();
    shutdown.onStopIntake('fastlane sockets', async () => {
      clearInterval(heartbeat);
      await this.close();
    });
  }

  /** @param own the listener serves this dialect alone */
  attach(listener: Server, own: boolean): void {
    listener.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      const treatment = treatSocket(request.url ?? '/', { own });
      // other protocols, and addresses of others, are answered as if there were no WebSockets at all
      if (!treatment || request.headers.upgrade?.toLowerCase() !== 'websocket')
        return serveWithoutUpgrade(listener, request, socket, head);
      const refusal = this.refusalOf(request, treatment.kind === 'follow');
      if (refusal || treatment.kind !== 'follow') return this.refuse(request, socket, refusal ?? NOT_FOUND);
      this.server.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('error', (err) => this.log.debug({ err }, 'a WebSocket failed'));
        webSocket.on('pong', () => this.silent.delete(webSocket));
        const follower = new Follower(webSocket);
        this.followers.set(webSocket, follower);
        void this.liveLogs.serve(follower, treatment.target);
      });
    });
  }

  private refusalOf({ headers }: IncomingMessage, isKnown: boolean): Refusal | undefined {
    if (!this.auth.allows(headers.authorization))
      return { status: '401 Unauthorized', headers: { 'www-authenticate': this.auth.challenge } };
    if (!isKnown) return NOT_FOUND;
    // browsers open WebSockets to anywhere and send passwords that they know: what CORS is for elsewhere is looked at here
    const { origin, host } = headers;
    const isForeign = origin !== undefined && origin.replace(/^https?:\/\//, '') !== host;
    if (isForeign && !allowsOrigin(this.configuration.FASTLANE_CORS_ORIGINS, origin))
      return { status: '403 Forbidden' };
    return this.closing ? { status: '503 Service Unavailable', headers: { 'retry-after': '1' } } : undefined;
  }

  private refuse(request: IncomingMessage, socket: Duplex, { status, headers = {}, body = '' }: Refusal): void {
    const all = {
      ...headers,
      ...corsHeaders(this.configuration.FASTLANE_CORS_ORIGINS, request),
      'content-type': HTML,
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    socket.end([`HTTP/1.1 ${status}`, ...lines, '', body].join('\r\n'));
  }

  private ping(): void {
    for (const webSocket of this.server.clients) {
      if (this.followers.get(webSocket)?.tookSomething(this.pingMs)) {
        this.silent.delete(webSocket);
        continue;
      }
      if (this.silent.has(webSocket)) {
        webSocket.terminate();
        continue;
      }
      this.silent.add(webSocket);
      webSocket.ping();
    }
  }

  private async close(): Promise<void> {
    this.closing = true;
    const open = [...this.server.clients];
    const gone = open.map((webSocket) => new Promise<void>((resolve) => webSocket.once('close', () => resolve())));
    for (const webSocket of open) webSocket.close(1001, 'going away');
    const late = setTimeout(() => {
      for (const webSocket of open) webSocket.terminate();
    }, FAREWELL_MS);
    await Promise.all(gone);
    clearTimeout(late);
  }
}

const NOT_FOUND: Refusal = { status: '404 Not Found', body: htmlPage(404) };
