import { type IncomingHttpHeaders, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** A method of this one address that HTTP does not know: another spelling of DELETE. */
const START = Buffer.from('DEL /docker-executor/blacklist ');
const HEAD_END = Buffer.from('\r\n\r\n');
/** Such a request is an address and a name. */
const MAX_BYTES = 65_536;
/** For the rest of a request that has begun. */
const REST_MS = 10_000;

interface DelRequest {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * Answers requests with the method DEL, which Node's parser knows as faults only. What it refuses is taken from the fault, put together
 * where it came in pieces, and answered as a DELETE; the connection ends with the answer. All other faults go where they went before.
 */
export function answerDel(server: Server, app: NestFastifyApplication): void {
  const others = server.listeners('clientError') as ((error: Error, socket: Socket) => void)[];
  server.removeAllListeners('clientError');
  const begun = new WeakMap<Socket, Buffer>();
  server.on('clientError', (error: Error & { rawPacket?: Buffer }, socket: Socket) => {
    const bytes = Buffer.concat([begun.get(socket) ?? Buffer.alloc(0), error.rawPacket ?? Buffer.alloc(0)]);
    const isDel = bytes.subarray(0, START.length).equals(START) && bytes.length <= MAX_BYTES && !socket.destroyed;
    if (!isDel || !error.rawPacket) return others.forEach((handle) => handle.call(server, error, socket));
    begun.set(socket, bytes);
    const request = read(bytes);
    if (!request) return void socket.setTimeout(REST_MS, () => socket.destroy());
    begun.delete(socket);
    answer(app, request, socket).catch(() => socket.destroy());
  });
}

/** Undefined while there is more to come. */
function read(bytes: Buffer): DelRequest | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const lines = bytes.subarray(0, end).toString('latin1').split('\r\n').slice(1);
  const headers = Object.fromEntries(
    lines
      .map((line) => /^([^:]+):\s*(.*?)\s*$/.exec(line))
      .flatMap((match) => (match ? [[match[1]!.toLowerCase(), match[2]!]] : [])),
  ) as IncomingHttpHeaders;
  const body = bytes.subarray(end + HEAD_END.length);
  return body.length >= Number(headers['content-length'] ?? 0) ? { headers, body } : undefined;
}

async function answer(app: NestFastifyApplication, { headers, body }: DelRequest, socket: Socket): Promise<void> {
  const { 'content-length': _, ...rest } = headers;
  const reply = await app.inject({
    method: 'DELETE',
    url: '/docker-executor/blacklist',
    headers: rest,
    ...(body.length > 0 && { payload: body }),
    remoteAddress: socket.remoteAddress,
  });
  const shown = Object.entries({ ...reply.headers, connection: 'close' }).map(
    ([name, value]) => `${name}: ${String(value)}`,
  );
  const head = [`HTTP/1.1 ${reply.statusCode} ${reply.statusMessage}`, ...shown, '', ''].join('\r\n');
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), reply.rawPayload]));
}
