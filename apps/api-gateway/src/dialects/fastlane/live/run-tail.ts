import type { OutputPiece, ReadCommands } from '@task-engine/engine';
import { isFinal } from '../vocabulary';
import type { Follower } from './follower';
import { settled, within } from './waiting';

/** Characters that are read, and sent as one frame, at one time. */
const BATCH_LENGTH = 262_144;

/**
 * How long one batch may take to leave for half of the followers. A reader of the database is faster than a busy browser: whoever keeps up
 * with the others must not count as slow.
 */
const PACE_MS = 250;
/** The other half gets as much time again, this at least. Who needs more falls behind, and delays the others by no more before it is dropped. */
const GRACE_MS = 40;

/** A joining follower that takes nothing for this long is gone. */
const STALL_MS = 10_000;

/** Sequence numbers begin behind it. */
const BEGINNING = 0;

/**
 * The output of one run as it grows, for all who follow it here: read once, sent to everybody. Who joins late reads what has been sent
 * already by itself, at its own pace, and goes over to the others at the very piece at which they are.
 */
export class RunTail {
  private readonly live = new Set<Follower>();
  private joining = 0;
  /** The last piece that was sent to all. */
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
    private readonly source: Pick<ReadCommands, 'output' | 'runState'>,
    private readonly onIdle: () => void,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** Sends what has been written, then goes on with the others. */
  async join(follower: Follower): Promise<void> {
    this.joining += 1;
    try {
      let position = BEGINNING;
      while (position < this.position && follower.isOpen) {
        const read = await this.source.output(this.jobId, position, BATCH_LENGTH);
        // what lies behind the common position comes with the others
        const pieces = read.filter(({ seq }) => seq <= this.position);
        if (pieces.length === 0) break;
        position = pieces.at(-1)!.seq;
        if (!(await within(follower.send(textOf(pieces)), STALL_MS))) follower.drop();
      }
      // from the last look at the position to here nothing was awaited: no piece can have gone out in between
      if (!follower.isOpen) return;
      if (this.ended) return follower.end(1000, this.ended);
      this.live.add(follower);
      follower.onceClosed(() => this.leave(follower));
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

  private async read(): Promise<void> {
    this.reading = true;
    try {
      while (this.again && this.isFollowed && !this.ended) {
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
    while (this.isFollowed) {
      const pieces = await this.source.output(this.jobId, this.position, BATCH_LENGTH);
      if (pieces.length === 0) return;
      await this.broadcast(pieces);
    }
  }

  private async broadcast(pieces: OutputPiece[]): Promise<void> {
    const text = textOf(pieces);
    for (const follower of this.live) {
      if (!follower.isSlow) continue;
      follower.drop();
      this.live.delete(follower);
    }
    const sent = [...this.live].map((follower) => follower.send(text));
    this.position = pieces.at(-1)!.seq;
    const began = performance.now();
    await settled(sent, Math.ceil(sent.length / 2), PACE_MS);
    await settled(sent, sent.length, Math.max(GRACE_MS, performance.now() - began));
  }

  private end(reason: 'wsdone' | 'wsretry'): void {
    this.ended = reason;
    for (const follower of this.live) follower.end(1000, reason);
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

function textOf(pieces: OutputPiece[]): Buffer {
  return Buffer.from(pieces.map(({ text }) => text).join(''));
}
