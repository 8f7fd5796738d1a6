import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Unreadable } from './treatments';

/** What Node's parser says of a request that it refuses. */
interface ParserFault extends Error {
  code?: string;
  /** In the parser's words. */
  reason?: string;
  /** A Buffer, whatever Fastify's types say. */
  rawPacket?: unknown;
}

/** Status, its name and what is said, by the parser's code; all others are bad requests. */
const ANSWERS: Record<string, [number, string, string]> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The headers of the request are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request did not arrive in time'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large', 'The extensions of a chunk are too large'],
};
/** Milliseconds that the other side has to take the answer, however much it still sends. */
const LINGER_MS = 1_000;
/** Method and address at the beginning of a request, whatever else may be wrong with it. */
const REQUEST_LINE = /^(\S+) (\S+)/;

/** As Task Engine words its errors: also where nobody can tell whose the request is. */
const byDefault: Unreadable = (_status, message) => ({
  type: 'application/json; charset=utf-8',
  body: JSON.stringify({ error: message }),
});

/**
 * Handler of requests that never became any, because they are no HTTP, too large or too slow: answers in the words of the dialect whose
 * address they name, and ends the connection.
 * @param wordsOf how the dialect of such a request answers it, as far as its first line can be read; undefined: as by default
 */
export function answerUnreadable(
  wordsOf: (request: Pick<IncomingMessage, 'method' | 'url'> | undefined) => Unreadable | undefined,
): (fault: ParserFault, socket: Socket) => void {
  return (fault, socket) => {
    if (fault.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const why = fault.reason === undefined ? '' : `: ${fault.reason}`;
    const [status, title, message] = ANSWERS[fault.code ?? ''] ?? [
      400,
      'Bad Request',
      `The request is not valid HTTP${why}`,
    ];
    const { type, body } = (wordsOf(firstLine(fault.rawPacket as Buffer | undefined)) ?? byDefault)(status, message);
    const head = [
      `HTTP/1.1 ${status} ${title}`,
      `content-type: ${type}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
    // what is left unread would take the answer along
    socket.resume();
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  };
}

function firstLine(packet: Buffer | undefined): Pick<IncomingMessage, 'method' | 'url'> | undefined {
  const [, method, url] = REQUEST_LINE.exec(packet?.toString('latin1') ?? '') ?? [];
  return url === undefined ? undefined : { method, url };
}
