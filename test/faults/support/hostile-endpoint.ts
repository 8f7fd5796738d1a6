import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** What an endpoint may do to whoever asks it; raw bytes, since most of it is no HTTP that a library would send. */
export const MISDEEDS = {
  'answers 500': (socket) => void socket.end(reply('500 Internal Server Error')),
  'answers 429': (socket) => void socket.end(reply('429 Too Many Requests', 'retry-after: 2\r\n')),
  'answers 410': (socket) => void socket.end(reply('410 Gone')),
  hangs: () => undefined,
  drips: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n');
    repeat(socket, () => socket.write('.'));
  },
  'drips its headers': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    repeat(socket, () => socket.write('x'));
  },
  'sends 100 MB': (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${FLOOD}\r\n\r\n`);
    flood(socket, FLOOD);
  },
  'sends headers without end': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nx-long: ');
    flood(socket, FLOOD);
  },
  'closes without an answer': (socket) => void socket.end(),
  'resets the connection': (socket) => void socket.resetAndDestroy(),
  'is no HTTP': (socket) => void socket.end(Buffer.from('\x00\xff\xfe SSH-2.0-OpenSSH_9.2\r\n\r\n', 'latin1')),
} as const satisfies Record<string, (socket: Socket) => void>;

export type Misdeed = keyof typeof MISDEEDS;

const FLOOD = 100_000_000;
const CHUNK = Buffer.alloc(64 * 1024, 'x');

/** An HTTP endpoint on loopback that misbehaves at every request, until it is told to be good. */
export class HostileEndpoint {
  /** Requests that came, each with the time (ms since the epoch) and the head of the message. */
  readonly requests: { at: number; head: string }[] = [];
  private readonly sockets = new Set<Socket>();
  private good = false;

  private constructor(
    private readonly server: Server,
    readonly misdeed: Misdeed,
  ) {}

  static async start(misdeed: Misdeed): Promise<HostileEndpoint> {
    const server = createServer();
    const endpoint = new HostileEndpoint(server, misdeed);
    server.on('connection', (socket) => endpoint.serve(socket));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return endpoint;
  }

  url(path = '/'): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** From now on each request is answered with 200. */
  behave(): void {
    this.good = true;
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((done) => this.server.close(() => done()));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = received.slice(0, end);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (received.length < end + 4 + length) return;
      received = '';
      this.requests.push({ at: Date.now(), head });
      if (this.good) socket.end(reply('200 OK'));
      else MISDEEDS[this.misdeed](socket);
    });
  }
}

const reply = (status: string, headers = '') =>
  `HTTP/1.1 ${status}\r\n${headers}content-length: 0\r\nconnection: close\r\n\r\n`;

/** Once a second while the connection is open. */
function repeat(socket: Socket, step: () => void): void {
  const timer = setInterval(step, 1_000);
  socket.on('close', () => clearInterval(timer));
}

/** As fast as the other side takes it. */
function flood(socket: Socket, bytes: number): void {
  let left = bytes;
  const more = () => {
    while (left > 0 && !socket.destroyed) {
      const chunk = CHUNK.subarray(0, left);
      left -= chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on('drain', more);
  more();
}
