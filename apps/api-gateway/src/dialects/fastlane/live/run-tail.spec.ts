import type { AddressInfo } from 'node:net';
import type { RunState } from '@task-engine/domain';
import type { OutputPiece } from '@task-engine/engine';
import { WebSocket, WebSocketServer } from 'ws';
import { Follower } from './follower';
import { RunTail } from './run-tail';

/** The output of one run, as the database would keep it. */
class KeptOutput {
  readonly pieces: OutputPiece[] = [];
  state: RunState = 'running';
  reads = 0;
  /** Characters that were given out. */
  given = 0;
  failing = false;
  /** Keeps those who hear that there is no more from hearing it. */
  held: Promise<void> | undefined;

  write(text: string): void {
    this.pieces.push({ seq: this.pieces.length + 1, stream: 'stdout', text });
  }

  async part(jobId: string, afterSeq: number): Promise<OutputPiece[]> {
    const pieces = await this.output(jobId, afterSeq, 50_000);
    if (pieces.length === 0) await this.held;
    return pieces;
  }

  async output(_: string, afterSeq: number, length: number): Promise<OutputPiece[]> {
    this.reads += 1;
    // some reads take longer than others, so that they overtake each other
    await new Promise((resolve) => setTimeout(resolve, (this.reads * 7) % 12));
    if (this.failing) throw new Error('the database is away');
    let taken = 0;
    const pieces = this.pieces.slice(afterSeq).filter((piece) => {
      const fits = taken < length;
      taken += piece.text.length;
      return fits;
    });
    this.given += textOf(pieces).length;
    return pieces;
  }

  async runState() {
    return { state: this.state, stopRequested: false, exitCode: null, error: null };
  }

  get whole(): string {
    return textOf(this.pieces);
  }
}

const textOf = (pieces: OutputPiece[]) => pieces.map(({ text }) => text).join('');

/** A client of a real WebSocket. */
class Client {
  text = '';
  readonly closed: Promise<{ code: number; reason: string }>;
  /** It has what was there, and goes on with the others. */
  live = Promise.resolve();

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) throw new Error('a binary frame');
      this.text += data.toString();
    });
    this.closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }
}

describe('RunTail', () => {
  let server: WebSocketServer;
  let kept: KeptOutput;
  let idle: { times: number };
  let faults: unknown[];
  let tail: RunTail;
  const clients: Client[] = [];

  beforeEach(async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    kept = new KeptOutput();
    // of this test's tail alone: the ones before may still be losing their followers
    const counter = { times: 0 };
    idle = counter;
    faults = [];
    tail = new RunTail(
      '1',
      kept,
      () => (counter.times += 1),
      (error) => faults.push(error),
    );
  });

  afterEach(() => {
    for (const { socket } of clients.splice(0)) socket.terminate();
    server.close();
  });

  async function follow({ paused = false, patienceMs = 10_000 } = {}): Promise<Client> {
    const accepted = new Promise<WebSocket>((resolve) => server.once('connection', resolve));
    const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const client = new Client(socket);
    clients.push(client);
    if (paused) socket.once('open', () => socket.pause());
    client.live = tail.join(new Follower(await accepted, patienceMs));
    return client;
  }

  const until = async (test: () => boolean) => {
    for (let turn = 0; !test(); turn += 1) {
      if (turn > 1_000) throw new Error('never came');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  function end(): void {
    kept.state = 'succeeded';
    tail.wake();
  }

  it('sends what is there, then what comes, then says that it is over', async () => {
    kept.write('one ');
    const client = await follow();
    await until(() => client.text === 'one ');
    kept.write('two ');
    tail.wake();
    await until(() => client.text === 'one two ');
    kept.write('three');
    end();
    expect(await client.closed).toEqual({ code: 1000, reason: 'wsdone' });
    expect(client.text).toBe('one two three');
    await until(() => idle.times === 1);
  });

  it('gives whoever joins late the whole, without gap or repeat, while more is written', async () => {
    let writing = true;
    const writer = (async () => {
      for (let line = 0; writing; line += 1) {
        kept.write(`line ${line} ${'x'.repeat(2_000)}\n`);
        tail.wake();
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const followers: Client[] = [];
    for (let n = 0; n < 20; n += 1) {
      followers.push(await follow());
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    writing = false;
    await writer;
    end();
    await Promise.all(followers.map(({ closed }) => closed));
    for (const { text } of followers) expect(text === kept.whole).toBe(true);
  });

  it('reads for all together, not for each', async () => {
    const followers: Client[] = [];
    for (let n = 0; n < 50; n += 1) followers.push(await follow());
    await Promise.all(followers.map(({ live }) => live));
    const before = kept.reads;
    for (let line = 0; line < 10; line += 1) {
      kept.write('x');
      tail.wake();
      await until(() => followers.every(({ text }) => text.length === line + 1));
    }
    // a few per piece, however many follow
    expect(kept.reads - before).toBeLessThan(60);
    end();
    await Promise.all(followers.map(({ closed }) => closed));
  });

  it('drops who does not read, with 1013, and slows nobody', async () => {
    const [slow, quick] = [await follow({ paused: true }), await follow()];
    await Promise.all([slow.live, quick.live]);
    // more than the system buffers by itself
    for (let n = 0; n < 400; n += 1) kept.write('x'.repeat(100_000));
    tail.wake();
    await until(() => quick.text.length === 40_000_000);
    end();
    expect(await quick.closed).toEqual({ code: 1000, reason: 'wsdone' });
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 1013, reason: 'slow' });
    expect(kept.whole.startsWith(slow.text)).toBe(true);
  }, 30_000);

  it('gives who comes to a long output as much of it as it takes, and waits for it', async () => {
    for (let n = 0; n < 400; n += 1) kept.write('x'.repeat(100_000));
    const client = await follow({ paused: true });
    let before = -1;
    while (kept.given !== before) {
      before = kept.given;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // what the system holds by itself, and no more
    expect(kept.given).toBeLessThan(20_000_000);
    tail.wake();
    client.socket.resume();
    await until(() => client.text.length === 40_000_000);
    await client.live;
    kept.write('new');
    tail.wake();
    await until(() => client.text.length === 40_000_003);
    // and not all of it again for all together
    expect(kept.given).toBeLessThan(50_000_000);
    end();
    expect(await client.closed).toEqual({ code: 1000, reason: 'wsdone' });
  }, 30_000);

  it('drops who comes to a long output and does not take it', async () => {
    for (let n = 0; n < 400; n += 1) kept.write('x'.repeat(100_000));
    const client = await follow({ paused: true, patienceMs: 100 });
    await client.live;
    client.socket.resume();
    expect(await client.closed).toEqual({ code: 1013, reason: 'slow' });
    await until(() => idle.times === 1);
  }, 30_000);

  it('brings who joins late to where others are, whoever of them is first at the end', async () => {
    for (let n = 0; n < 30; n += 1) kept.write(`old ${n} ${'x'.repeat(40_000)}\n`);
    const followers = [await follow(), await follow(), await follow()];
    for (let n = 0; n < 100; n += 1) {
      kept.write(`new ${n}\n`);
      tail.wake();
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    end();
    await Promise.all(followers.map(({ closed }) => closed));
    for (const { text } of followers) expect(text).toBe(kept.whole);
  });

  it('leaves nothing out for who comes to the end when others have gone on from there', async () => {
    kept.write('one ');
    let release = () => {};
    kept.held = new Promise((resolve) => (release = resolve));
    const late = await follow();
    await until(() => late.text === 'one ' && kept.reads === 2);
    kept.held = undefined;
    const early = await follow();
    await early.live;
    kept.write('two ');
    tail.wake();
    await until(() => early.text === 'one two ');
    release();
    await late.live;
    kept.write('three');
    end();
    await Promise.all([early.closed, late.closed]);
    expect([early.text, late.text]).toEqual([kept.whole, kept.whole]);
  });

  it('goes on once its source does', async () => {
    const client = await follow();
    await client.live;
    kept.failing = true;
    kept.write('late');
    tail.wake();
    await until(() => faults.length > 0);
    kept.failing = false;
    tail.wake();
    await until(() => client.text === 'late');
    expect(client.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('is idle when the last follower has gone', async () => {
    const [one, two] = [await follow(), await follow()];
    await until(() => one.socket.readyState === WebSocket.OPEN);
    one.socket.close();
    await one.closed;
    expect(idle.times).toBe(0);
    two.socket.terminate();
    await until(() => idle.times === 1);
  });
});
