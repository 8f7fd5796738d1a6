import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { serve } from '../harness/child';

let server: WebSocketServer | undefined;
let text: string[] = [];

/** The least that live output can be: lines in memory, sent one by one. */
const procedures = {
  async listen({ lines, bytes }: { lines: number; bytes: number }): Promise<string> {
    text = Array.from({ length: lines }, (_, n) => `${n} `.padEnd(bytes - 1, 'x') + '\n');
    server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    await once(server, 'listening');
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  },

  /** Sends everything to whoever is connected; returns when it is on its way. */
  async send(): Promise<void> {
    for (const socket of server!.clients) void write(socket);
    await Promise.resolve();
  },
};

/** As fast as they are taken, never more than some in memory. */
async function write(socket: WebSocket): Promise<void> {
  for (const line of text) {
    socket.send(line);
    if (socket.bufferedAmount > 1_048_576) await new Promise((done) => setImmediate(done));
  }
}

export type LineServer = typeof procedures;

serve(procedures);
