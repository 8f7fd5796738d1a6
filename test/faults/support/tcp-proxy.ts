import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** Whose bytes: those of the client on their way to the server, or those of the server on their way back. */
export type Direction = 'toServer' | 'toClient';

interface Faults {
  delayMs: number;
  refusing: boolean;
  swallowed: Set<Direction>;
}

interface Pair {
  client: Socket;
  /** Undefined for a connection that nobody on the other side ever heard of. */
  server?: Socket;
  ways: Way[];
}

/**
 * A TCP proxy on loopback that behaves like a bad network between a client and a server: it delays every packet, cuts connections, or
 * swallows what is sent without a word. One proxy stands for one path; faults hold for all its connections, those that come later
 * included, until `mend`.
 */
export class TcpProxy {
  /** Connections accepted so far. */
  accepted = 0;
  private readonly pairs = new Set<Pair>();
  private readonly faults: Faults = { delayMs: 0, refusing: false, swallowed: new Set() };

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {}

  /** Listens on a free port. @param target where the connections go */
  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const proxy = new TcpProxy(server, target);
    server.on('connection', (client) => proxy.join(client));
    await new Promise<void>((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done));
    return proxy;
  }

  /** A proxy in front of the server that a URL with a port names. */
  static inFrontOf(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    return TcpProxy.start({ host: hostname, port: Number(port) });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are open on the client's side. */
  get open(): number {
    return [...this.pairs].filter(({ client }) => !isGone(client)).length;
  }

  /** The same URL, by way of this proxy. */
  through(url: string): string {
    const changed = new URL(url);
    changed.hostname = '127.0.0.1';
    changed.port = String(this.port);
    return changed.href;
  }

  /** Every packet takes this much longer, in each direction, in milliseconds. */
  delay(milliseconds: number): void {
    this.faults.delayMs = milliseconds;
  }

  /**
   * Half-open: what is sent is lost, ends of connections included, and nobody is told. New connections are accepted and never
   * answered. A connection that lost a byte stays silent for good; one that was idle all the time works again after `mend`.
   */
  swallow(directions: readonly Direction[] = ['toServer', 'toClient']): void {
    for (const direction of directions) this.faults.swallowed.add(direction);
  }

  /** Resets every connection that is open now. Answers how many. */
  cut(): number {
    const pairs = [...this.pairs];
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server?.resetAndDestroy();
    }
    return pairs.length;
  }

  /** Resets new connections as they come. Open ones go on: `cut` them too for a server that is away. */
  refuse(): void {
    this.faults.refusing = true;
  }

  /** Ends all faults. Where one side went unheard the other learns of it now, as it would by its next packet. */
  mend(): void {
    this.faults.delayMs = 0;
    this.faults.refusing = false;
    this.faults.swallowed.clear();
    for (const { client, server, ways } of this.pairs) {
      if (!ways.some((way) => way.dead)) continue;
      if (!isGone(client) && !(server && isGone(server))) continue;
      client.resetAndDestroy();
      server?.resetAndDestroy();
    }
  }

  /** Ends every connection and listens no more. */
  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.server.close(() => done()));
    this.cut();
    await closed;
  }

  private join(client: Socket): void {
    this.accepted += 1;
    client.on('error', () => undefined);
    if (this.faults.refusing) {
      client.resetAndDestroy();
      return;
    }
    const pair: Pair = { client, ways: [] };
    this.pairs.add(pair);
    const forget = () => {
      if (client.destroyed && (pair.server?.destroyed ?? true)) this.pairs.delete(pair);
    };
    client.on('close', forget);
    if (this.faults.swallowed.has('toServer')) {
      client.on('end', () => client.destroy()).resume();
      return;
    }
    const server = connect({ ...this.target, allowHalfOpen: true, noDelay: true });
    server.on('error', () => undefined).on('close', forget);
    pair.server = server;
    pair.ways = [new Way(client, server, 'toServer', this.faults), new Way(server, client, 'toClient', this.faults)];
  }
}

/** One way of one connection: what comes out of `from` goes into `to`, in its order, each packet after its delay. */
class Way {
  /** Bytes were lost: nothing that follows would make sense to the receiver. */
  dead = false;
  /** Packets that wait for the end of their delay. */
  private delayed = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(
    from: Socket,
    private readonly to: Socket,
    private readonly direction: Direction,
    private readonly faults: Faults,
  ) {
    // a receiver that is slow holds the sender back
    from.on('data', (packet: Buffer) => this.pass(() => to.write(packet) || from.pause()));
    to.on('drain', () => from.resume());
    from.on('end', () => this.end(() => to.end()));
    from.on('close', () => this.end(() => to.destroySoon()));
  }

  private end(send: () => unknown): void {
    this.pass(send);
    // the fault is over: whoever still waits here for the one that is gone gets its reset
    if (this.dead && !this.faults.swallowed.has(this.direction)) this.to.resetAndDestroy();
  }

  private pass(send: () => unknown): void {
    if (this.isLost()) return;
    if (this.faults.delayMs === 0 && this.delayed === 0) send();
    else void this.passLater(send, performance.now() + this.faults.delayMs);
  }

  /** Packets under way do not wait for each other, only for those before them. */
  private async passLater(send: () => unknown, due: number): Promise<void> {
    this.delayed += 1;
    const before = this.last;
    const timer = wait(Math.max(0, due - performance.now()));
    this.last = before.then(() => timer);
    await this.last;
    this.delayed -= 1;
    if (!this.isLost() && !this.to.destroyed) send();
  }

  private isLost(): boolean {
    this.dead ||= this.faults.swallowed.has(this.direction);
    return this.dead;
  }
}

const isGone = (socket: Socket) => socket.destroyed || socket.readableEnded;
