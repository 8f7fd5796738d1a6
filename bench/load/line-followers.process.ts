import { once } from 'node:events';
import WebSocket from 'ws';
import { serve } from '../harness/child';

interface Follower {
  socket: WebSocket;
  received: number;
  lines: number;
  rest: string;
  /** Milliseconds, performance.now(). */
  lastAt: number;
  closed?: { code: number };
}

const RETRY_MS = 100;
/** A socket that is to be dropped reads nothing. */
const SLOW_PATIENCE_MS = 30_000;

let followers: Follower[] = [];
let slowOnes: Follower[] = [];

/** Those who follow a command's output: they check that numbered lines come whole and in order. */
const procedures = {
  async follow({ url, followers: count, slow }: { url: string; followers: number; slow: number }): Promise<void> {
    followers = await Promise.all(Array.from({ length: count - slow }, () => opened(url)));
    slowOnes = await Promise.all(Array.from({ length: slow }, () => opened(url)));
    for (const { socket } of slowOnes) socket.pause();
  },

  /** Seconds until everybody has `bytes` of lines; how many of the slow ones were dropped. */
  async read({ bytes }: { bytes: number }): Promise<{ seconds: number; dropped: number }> {
    const began = performance.now();
    await until(
      () => followers.every((each) => each.received >= bytes),
      120_000,
      () => JSON.stringify(followers.map(({ received, closed }) => [received, closed])),
    );
    for (const each of followers)
      if (each.received !== bytes) throw new Error(`${each.received} bytes came, ${bytes} were written`);
    const seconds = (Math.max(...followers.map(({ lastAt }) => lastAt)) - began) / 1000;
    for (const { socket } of slowOnes) socket.resume();
    await until(
      () => slowOnes.every(({ closed }) => closed),
      SLOW_PATIENCE_MS,
      () => 'the slow one is still there',
    );
    const dropped = slowOnes.filter(({ closed }) => closed?.code === 1013).length;
    for (const { socket } of followers) socket.terminate();
    return { seconds, dropped };
  },
};

/** A command that has not begun as yet closes the connection with "try again". */
async function opened(url: string): Promise<Follower> {
  for (;;) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const follower: Follower = { socket, received: 0, lines: 0, rest: '', lastAt: 0 };
    socket.on('message', (data: Buffer) => take(follower, data));
    socket.on('close', (code) => (follower.closed = { code }));
    socket.on('error', () => undefined);
    await once(socket, 'open').catch(() => undefined);
    await new Promise((done) => setTimeout(done, RETRY_MS));
    if (!follower.closed) return follower;
  }
}

function take(follower: Follower, data: Buffer): void {
  follower.received += data.length;
  follower.lastAt = performance.now();
  const parts = (follower.rest + data.toString()).split('\n');
  follower.rest = parts.pop()!;
  for (const line of parts) {
    if (Number.parseInt(line, 10) !== follower.lines++)
      throw new Error(`line ${follower.lines - 1} is not in its place`);
  }
}

async function until(test: () => boolean, milliseconds: number, why: () => string): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!test()) {
    if (Date.now() > deadline) throw new Error(why());
    await new Promise((done) => setTimeout(done, 5));
  }
}

export type LineFollowers = typeof procedures;

serve(procedures);
