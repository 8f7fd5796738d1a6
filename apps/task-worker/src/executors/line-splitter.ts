/** Longest line passed on, in bytes; the rest of a longer one is dropped. A job log row must stay readable. */
export const MAX_LINE_BYTES = 16 * 1024;

/**
 * Cuts a byte stream into text lines. Any bytes are safe: invalid UTF-8 and NUL become U+FFFD (PostgreSQL refuses NUL in text),
 * an endless line costs at most 16 KB of memory. Empty lines are not passed on.
 */
export class LineSplitter {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private overlong = false;

  constructor(private readonly onLine: (line: string) => void) {}

  write(chunk: Buffer): void {
    let from = 0;
    for (let newline = chunk.indexOf(10, from); newline >= 0; newline = chunk.indexOf(10, from)) {
      this.keep(chunk.subarray(from, newline));
      this.flush();
      from = newline + 1;
    }
    this.keep(chunk.subarray(from));
  }

  /** Passes on an unfinished last line. */
  end(): void {
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
      if (text !== '') this.onLine(this.overlong ? `${text} [line cut at ${MAX_LINE_BYTES} bytes]` : text);
    }
    this.pending = [];
    this.pendingBytes = 0;
    this.overlong = false;
  }
}

/** Most rows one stream of one execution may add to a job log; a chatty program must not fill the database. */
export const MAX_LOG_ROWS = 2_000;

/** Passes on the first `limit` lines, then one marker line, then nothing. */
export function limitLines(write: (line: string) => void, limit = MAX_LOG_ROWS): (line: string) => void {
  let count = 0;
  return (line) => {
    count += 1;
    if (count <= limit) write(line);
    else if (count === limit + 1) write(`output limited to ${limit} lines; the rest is not logged`);
  };
}
