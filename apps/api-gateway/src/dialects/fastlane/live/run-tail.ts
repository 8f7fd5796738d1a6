import type { OutputPiece, ReadCommands } from '@task-engine/engine';
import { isFinal } from '../vocabulary';
import type { Follower } from './follower';
import { settled } from './waiting';

/** Bytes that are read for all, and sent as one frame, at one time. */
const BATCH_BYTES = 262_144;
/**
 * How long one batch may take to leave for half of the followers. A reader of the database is faster than a busy browser: whoever keeps up
 * with the others must not count as slow.
 */
const PACE_MS = 250;
/** The other half gets as much time again, this at least. Who needs more falls behind, and delays the others by no more before it is dropped. */
const GRACE_MS = 40;

/** Sequence numbers begin behind it. */
const BEGINNING = 0;

/**
 * The output of one run as it grows, for all who follow it here: read once, sent to everybody. What is there already when somebody joins it
 * reads by itself, at its own pace, and goes over to the others at the very piece at which they are.
 */
export class RunTail {
  /** Those who are up to date, and the last piece that each has. */
  private readonly live = new Map<Follower, number>();
  private joining = 0;
  /** The last piece that was read for them. */
  private position = BEGINNING;
  private reading = false;
  private again = false;
  /** How it ended. */
  private ended: 'wsdone' | 'wsretry' | undefined;

  /**
   * @param onIdle nobody follows any more
   * @param onFault a read failed; the next wake-up tries again
   */
  constructor(
    private readonly jobId: string,
    private readonly source: Pick<ReadCommands, 'output' | 'part' | 'runState'>,
    private readonly onIdle: () => void,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** Sends what has been written, then goes on with the others. */
  async join(follower: Follower): Promise<void> {
    this.joining += 1;
    try {
      await this.catchUp(follower);
    } finally {
      this.joining -= 1;
      this.checkIdle();
    }
    this.wake();
  }

  /** There may be more. */
  wake(): void {
    this.again = true;
    if (!this.reading) void this.read();
  }

  /** To where those who are up to date are, or beyond; to the end of what there is when nobody is. It is one of them then. */
  private async catchUp(follower: Follower): Promise<void> {
    let position = BEGINNING;
    for (let goal = this.goal; position < goal; goal = this.goal) {
      const pieces = await this.source.part(this.jobId, position);
      if (pieces.length > 0) {
        if (!(await follower.take(textOf(pieces)))) return;
        position = pieces.at(-1)!.seq;
        continue;
      }
      if (goal < Infinity) throw new Error(`the output of job ${this.jobId} has been deleted meanwhile`);
      // this is the end, unless somebody was there first and went on
      if (this.goal === Infinity) break;
    }
    if (!follower.isOpen) return;
    if (this.ended) return follower.end(1000, this.ended);
    // from the last look at the position to here nothing was awaited: no piece can have gone out in between
    if (this.live.size === 0) this.position = Math.max(this.position, position);
    this.live.set(follower, position);
    follower.onceClosed(() => this.leave(follower));
  }

  /** Where one who joins comes up to the others; Infinity while there are none. */
  private get goal(): number {
    return this.live.size > 0 || this.ended ? this.position : Infinity;
  }

  private async read(): Promise<void> {
    this.reading = true;
    try {
      while (this.again && this.live.size > 0 && !this.ended) {
        this.again = false;
        await this.drain();
        const run = await this.source.runState(this.jobId);
        if (run && !isFinal(run.state)) continue;
        // what it wrote last was kept before its end was
        await this.drain();
        this.end(run ? 'wsdone' : 'wsretry');
      }
    } catch (error) {
      this.onFault(error);
    } finally {
      this.reading = false;
    }
  }

  private async drain(): Promise<void> {
    while (this.live.size > 0) {
      const pieces = await this.source.output(this.jobId, this.position, BATCH_BYTES);
      if (pieces.length === 0) return;
      await this.broadcast(pieces);
    }
  }

  private async broadcast(pieces: OutputPiece[]): Promise<void> {
    const text = Buffer.from(textOf(pieces));
    const [before, last] = [pieces[0]!.seq - 1, pieces.at(-1)!.seq];
    this.position = Math.max(this.position, last);
    const sent: Promise<void>[] = [];
    for (const [follower, position] of this.live) {
      if (position >= last) continue;
      if (follower.isSlow) {
        follower.drop();
        this.live.delete(follower);
        continue;
      }
      // one that has joined lately may have read further than the others
      const rest = position <= before ? text : Buffer.from(textOf(pieces.filter(({ seq }) => seq > position)));
      sent.push(follower.send(rest));
      this.live.set(follower, last);
    }
    const began = performance.now();
    await settled(sent, Math.ceil(sent.length / 2), PACE_MS);
    await settled(sent, sent.length, Math.max(GRACE_MS, performance.now() - began));
  }

  private end(reason: 'wsdone' | 'wsretry'): void {
    this.ended = reason;
    for (const follower of this.live.keys()) follower.end(1000, reason);
  }

  private leave(follower: Follower): void {
    this.live.delete(follower);
    this.checkIdle();
  }

  private get isFollowed(): boolean {
    return this.live.size + this.joining > 0;
  }

  private checkIdle(): void {
    if (!this.isFollowed) this.onIdle();
  }
}

function textOf(pieces: OutputPiece[]): string {
  return pieces.map(({ text }) => text).join('');
}
