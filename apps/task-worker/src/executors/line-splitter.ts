/** Longest line passed on, in bytes; the rest of a longer one is dropped. A job log row must stay readable. */
export const MAX_LINE_BYTES = 16 * 1024;

/** What takes lines; `false` says that no more are wanted but the last one of the stream. */
export type LineTaker = (line: string) => unknown;

/**
 * Cuts a byte stream into text lines. Any bytes are safe: invalid UTF-8 and NUL become U+FFFD (PostgreSQL refuses NUL in text),
 * an endless line costs at most 16 KB of memory. Empty lines are not passed on. Lines that nobody wants are not cut at all: half a
 * billion lines of one byte would keep the event loop, and with it every other task of the worker, busy for minutes.
 */
export class LineSplitter {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private overlong = false;
  /** Once no more lines are wanted: the end of the stream as it stands. */
  private tail: Buffer | undefined;

  constructor(private readonly onLine: LineTaker) {}

  write(chunk: Buffer): void {
    let from = 0;
    while (this.tail === undefined) {
      const newline = chunk.indexOf(10, from);
      if (newline < 0) return this.keep(chunk.subarray(from));
      this.keep(chunk.subarray(from, newline));
      this.flush();
      from = newline + 1;
    }
    this.tail = Buffer.concat([this.tail, chunk.subarray(Math.max(from, chunk.length - MAX_LINE_BYTES))]).subarray(
      -MAX_LINE_BYTES,
    );
  }

  /** Passes on an unfinished last line, and the last line of all where lines were left out. */
  end(): void {
    if (this.tail === undefined) return this.flush();
    const text = this.tail.toString('utf8').trimEnd();
    this.keep(Buffer.from(text.slice(text.lastIndexOf('\n') + 1)));
    this.flush();
  }

  private keep(part: Buffer): void {
    const room = MAX_LINE_BYTES - this.pendingBytes;
    if (part.length > room) this.overlong = true;
    if (room <= 0 || part.length === 0) return;
    // A copy: the chunk's memory must not stay alive for a few bytes of it.
    this.pending.push(Buffer.from(part.subarray(0, room)));
    this.pendingBytes += Math.min(part.length, room);
  }

  private flush(): void {
    if (this.pendingBytes > 0) {
      const text = Buffer.concat(this.pending).toString('utf8').replaceAll('\0', '\uFFFD').replace(/\r+$/, '');
      const wanted = text === '' || this.onLine(this.overlong ? `${text} [line cut at ${MAX_LINE_BYTES} bytes]` : text);
      if (wanted === false) this.tail ??= Buffer.alloc(0);
    }
    this.pending = [];
    this.pendingBytes = 0;
    this.overlong = false;
  }
}

/** Most rows one stream of one execution may add to a job log; a chatty program must not fill the database. */
export const MAX_LOG_ROWS = 2_000;
/** The same in characters: 2,000 rows of 16 KB would be 32 MB, in the worker's memory too while PostgreSQL is away. */
export const MAX_LOG_LENGTH = 4 * 1024 * 1024;

/** Passes on the first `limit` lines, at most MAX_LOG_LENGTH characters, then one marker line, then nothing: it answers false from there on. */
export function limitLines(write: (line: string) => void, limit = MAX_LOG_ROWS): (line: string) => boolean {
  let count = 0;
  let length = 0;
  let full = false;
  return (line) => {
    if (full) return false;
    count += 1;
    length += line.length;
    full = count > limit || length > MAX_LOG_LENGTH;
    write(full ? `output limited to ${count - 1} lines; the rest is not logged` : line);
    return !full;
  };
}
