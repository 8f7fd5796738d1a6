import type { OutputStream } from '@task-engine/domain';
import type { Database } from '@task-engine/database';
import { LongText, type OutputPiece } from './command-views';

/** Reads at one time: however many follow long logs, most connections are there for others, and nobody waits for one until it is too late. */
const AT_ONCE = 4;
/** Of output in one part, unless its last piece is longer. */
const PART_BYTES = 32_768;

/** What is read of the outputs of runs, part by part, for whoever asks this process. */
export class OutputReads {
  private running = 0;
  private readonly turns: (() => void)[] = [];
  /** Under way or waiting for their turn: those who want the same at the same time share one. */
  private readonly shared = new Map<string, Promise<OutputPiece[]>>();

  constructor(private readonly database: Database) {}

  /**
   * Pieces behind `seq` as they are now, in order; none when there is nothing more as yet.
   * @param bytes after which no further piece is taken
   * @param stream pieces of this one alone
   */
  after(jobId: string, seq: number, bytes: number, stream?: OutputStream): Promise<OutputPiece[]> {
    return this.inTurn(() => this.database.stores.runOutput.after(jobId, seq, bytes, stream));
  }

  /** The same in parts of bounded length. What has come while somebody reads it may be missing. */
  part(jobId: string, seq: number, stream?: OutputStream): Promise<OutputPiece[]> {
    const key = `${jobId} ${seq} ${stream}`;
    const known = this.shared.get(key);
    if (known) return known;
    const part = this.after(jobId, seq, PART_BYTES, stream).finally(() => this.shared.delete(key));
    this.shared.set(key, part);
    return part;
  }

  /** The beginning of an output. @param bytes that it has now: no more is read should it grow */
  text(jobId: string, stream: OutputStream, bytes: number): LongText {
    return new LongText(bytes, () => this.parts(jobId, stream, bytes));
  }

  private async *parts(jobId: string, stream: OutputStream, bytes: number): AsyncGenerator<string> {
    let left = bytes;
    for (let seq = 0; left > 0;) {
      const pieces = await this.part(jobId, seq, stream);
      const taken: string[] = [];
      for (const piece of pieces) {
        if (left <= 0) break;
        left -= Buffer.byteLength(piece.text);
        taken.push(piece.text);
        seq = piece.seq;
      }
      // whoever reads this must not take a part for the whole
      if (taken.length === 0) throw new Error(`the output of job ${jobId} has been deleted meanwhile`);
      yield taken.join('');
    }
  }

  /** In the order in which they came. */
  private async inTurn<Result>(read: () => Promise<Result>): Promise<Result> {
    if (this.running >= AT_ONCE) await new Promise<void>((resolve) => this.turns.push(resolve));
    else this.running += 1;
    try {
      return await read();
    } finally {
      // whose turn is next takes this one's place
      const next = this.turns.shift();
      if (next) next();
      else this.running -= 1;
    }
  }
}
