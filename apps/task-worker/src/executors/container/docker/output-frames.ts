import type { OutputStream } from '@task-engine/domain';

/** Bytes before each frame: 1 stream, 3 unused, 4 length. */
const HEADER_BYTES = 8;
/** The engine cuts lines that are longer into pieces of this many bytes. */
const PIECE_BYTES = 16 * 1024;

/** A part of one stream's output. */
export interface OutputPart {
  readonly stream: OutputStream;
  readonly bytes: Buffer;
}

/**
 * Takes an engine's output stream apart: frames of stdout and stderr in the order in which the engine has logged them. Parts are handed on as
 * they come, a frame need not be whole.
 */
export class OutputFrames {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerBytes = 0;
  /** Of the frame that is being read. */
  private stream: OutputStream = 'stdout';
  private missing = 0;

  private readonly lines: LongLines | undefined;

  /** @param options.restoreNewlines see LongLines */
  constructor(options: { restoreNewlines: boolean } = { restoreNewlines: false }) {
    if (options.restoreNewlines) this.lines = new LongLines();
  }

  /** False within a frame: a stream that ends there was cut off. */
  get complete(): boolean {
    return this.headerBytes === 0 && this.missing === 0;
  }

  /** Frames of one stream in a row come as one part: a line a part would be a call of the taker for every line. */
  push(chunk: Buffer): OutputPart[] {
    return joined(this.partsOf(chunk));
  }

  private partsOf(chunk: Buffer): OutputPart[] {
    const parts: OutputPart[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.missing > 0) {
        const bytes = chunk.subarray(at, at + this.missing);
        at += bytes.length;
        this.missing -= bytes.length;
        if (this.lines) parts.push(...this.lines.take(this.stream, bytes, this.missing === 0));
        else parts.push({ stream: this.stream, bytes });
        continue;
      }
      const copied = chunk.copy(this.header, this.headerBytes, at, at + HEADER_BYTES - this.headerBytes);
      at += copied;
      this.headerBytes += copied;
      if (this.headerBytes < HEADER_BYTES) break;
      this.headerBytes = 0;
      // 1 is stdout; 2 stderr; 3 an error of the engine's own, which belongs with the errors.
      this.stream = (this.header[0] ?? 0) >= 2 ? 'stderr' : 'stdout';
      this.missing = this.header.readUInt32BE(4);
    }
    return parts;
  }
}

const NEWLINE = Buffer.from('\n');

/**
 * Puts back newlines that an engine before 23 drops when it reads a log of its driver `local`: those of lines above 16 KB. Each frame is one entry
 * of the log: a line with its newline; a piece of a long line, which has 16 KB; or a long line's last piece, which is shorter and has
 * no newline although it should, or is missing altogether where nothing but the newline was left.
 *
 * A newline is put back when the next entry of its stream comes. Whether the last line of all had one cannot be known, and none is invented; nor is
 * one between a line of exactly n times 16 KB and another long one.
 */
class LongLines {
  private readonly within: Record<OutputStream, 'no line' | 'a line' | 'its end'> = {
    stdout: 'no line',
    stderr: 'no line',
  };
  /** The frame that is being read. */
  private frame: Buffer[] = [];

  take(stream: OutputStream, bytes: Buffer, last: boolean): OutputPart[] {
    this.frame.push(bytes);
    // At most 16 KB wait: what stands before a frame depends on its last byte.
    if (!last) return [];
    const frame = Buffer.concat(this.frame);
    this.frame = [];
    const terminated = frame.at(-1) === NEWLINE[0];
    const before = this.within[stream];
    const missed = before === 'its end' || (before === 'a line' && terminated);
    if (terminated) this.within[stream] = 'no line';
    else if (frame.length === PIECE_BYTES) this.within[stream] = 'a line';
    else this.within[stream] = before === 'a line' ? 'its end' : 'no line';
    return [...(missed ? [{ stream, bytes: NEWLINE }] : []), { stream, bytes: frame }];
  }
}

function joined(parts: readonly OutputPart[]): OutputPart[] {
  const rows: { stream: OutputStream; pieces: Buffer[] }[] = [];
  for (const { stream, bytes } of parts) {
    const last = rows.at(-1);
    if (last?.stream === stream) last.pieces.push(bytes);
    else rows.push({ stream, pieces: [bytes] });
  }
  return rows.map(({ stream, pieces }) => ({
    stream,
    bytes: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces),
  }));
}
