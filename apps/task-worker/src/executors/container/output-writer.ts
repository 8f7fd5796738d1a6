import type { OutputStream } from '@task-engine/domain';
import { isUnavailable, type NewOutput } from '@task-engine/database';
import { Utf8Cutter } from './utf8-cutter';

/** Output that is kept no longer than this in memory, in milliseconds: what a follower lags behind. */
const FLUSH_MS = 100;
/** Bytes of one piece: a row of the database, and a frame to followers. */
const PIECE_BYTES = 65_536;
/** Bytes in memory that make the command wait. */
const HELD_BYTES = 1_048_576;
/** Pause before output that PostgreSQL did not take is sent again, in milliseconds. */
const RETRY_MS = 500;

export interface OutputWriterOptions {
  /** Keeps pieces; false: the lease is gone, nothing is kept any more. The same ones come again when it has rejected because PostgreSQL is away. */
  append: (pieces: NewOutput[]) => Promise<boolean>;
  /** Told once why nothing is kept any more, when it is neither the lease nor PostgreSQL that is away. */
  refused: (error: unknown) => void;
  /** Bytes of both streams that are kept in all. */
  limitBytes: number;
  /** Bytes that were kept before, by another worker. */
  keptBytes: number;
  signal: AbortSignal;
}

/**
 * Takes what a command writes and keeps it in pieces, in order, in batches. What it writes beyond the limit is read and thrown away, and a
 * line says so. A command that writes faster than PostgreSQL takes it is made to wait.
 */
export class OutputWriter {
  private readonly cutters: Record<OutputStream, Utf8Cutter> = { stdout: new Utf8Cutter(), stderr: new Utf8Cutter() };
  private held: NewOutput[] = [];
  private heldBytes = 0;
  private room: number;
  private truncated: boolean;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private lost = false;

  constructor(private readonly options: OutputWriterOptions) {
    this.room = Math.max(0, options.limitBytes - options.keptBytes);
    // a worker before has reached the limit, and has said so
    this.truncated = this.room === 0;
  }

  /** Answers a promise when the command has to wait. */
  take(stream: OutputStream, bytes: Buffer): void | Promise<void> {
    if (this.truncated || this.lost) return;
    const taken = bytes.subarray(0, this.room);
    this.room -= taken.length;
    this.hold(stream, this.cutters[stream].cut(taken));
    if (taken.length < bytes.length) this.truncate();
    if (this.heldBytes < HELD_BYTES) return this.later();
    return this.flush();
  }

  /** A line of the engine's own. */
  note(text: string): void {
    this.push({ stream: 'stderr', bytes: 0, text: `${text}\n` });
    this.later();
  }

  /** Keeps what is left. Resolves when it is kept, or when nothing is kept any more. */
  async end(): Promise<void> {
    for (const stream of ['stdout', 'stderr'] as const) this.hold(stream, this.cutters[stream].end());
    while (this.held.length > 0 && !this.lost) await this.flush();
    await this.writing;
    clearTimeout(this.timer);
  }

  private truncate(): void {
    this.truncated = true;
    this.hold('stdout', this.cutters.stdout.end());
    this.hold('stderr', this.cutters.stderr.end());
    this.push({
      stream: 'stderr',
      bytes: 0,
      text: `\n[output truncated: only ${this.options.limitBytes} bytes are kept]\n`,
    });
  }

  private hold(stream: OutputStream, { bytes, text }: { bytes: number; text: string }): void {
    if (bytes === 0) return;
    const last = this.held.at(-1);
    if (last && last.stream === stream && last.bytes > 0 && last.bytes + bytes <= PIECE_BYTES) {
      last.bytes += bytes;
      last.text += text;
      this.heldBytes += bytes;
    } else this.push({ stream, bytes, text });
  }

  private push(piece: NewOutput): void {
    this.held.push(piece);
    this.heldBytes += piece.bytes;
  }

  private later(): void {
    if (this.heldBytes >= PIECE_BYTES) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  /** One write at a time: while it is under way the next batch gathers. */
  private flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing ??= this.write().finally(() => {
      this.writing = undefined;
      if (this.held.length > 0 && !this.lost) this.later();
    });
    return this.writing;
  }

  private async write(): Promise<void> {
    const pieces = this.held;
    if (pieces.length === 0) return;
    this.held = [];
    this.heldBytes = 0;
    for (;;) {
      try {
        if (!(await this.options.append(pieces))) this.lost = true;
        return;
      } catch (error) {
        // PostgreSQL is away: the command waits with us, unless its lease is over. What else is wrong stays wrong.
        const away = isUnavailable(error);
        if (!away) this.options.refused(error);
        if (!away || this.options.signal.aborted) {
          this.lost = true;
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}
