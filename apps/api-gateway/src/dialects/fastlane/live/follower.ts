import { LongText } from '@task-engine/engine';
import type { WebSocket } from 'ws';
import { within } from './waiting';

/** Bytes that wait for a follower before it counts as too slow. */
export const MAX_BEHIND_BYTES = 1_048_576;

/** A follower that takes nothing for this long, of what it gets at its own pace, is gone. */
export const PATIENCE_MS = 30_000;

/** Reasons that clients know: there is no more, or: try again. */
export type CloseReason = 'wsdone' | 'wsretry' | 'slow' | '';

/** Somebody who reads a log over a WebSocket. */
export class Follower {
  /** When it took the last of what it gets at its own pace; Infinity while it is at it. */
  private takenAt = -Infinity;

  constructor(
    private readonly socket: WebSocket,
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  /** Whether so much waits for it that it holds memory for others' sake. */
  get isSlow(): boolean {
    return this.socket.bufferedAmount > MAX_BEHIND_BYTES;
  }

  /** Sends one frame of text. Resolves when the system has taken it, or nobody is there any more. */
  send(text: Buffer): Promise<void> {
    return this.write(text, true);
  }

  /**
   * Sends one message at the follower's pace: the next part of a long one is read when it has taken the one before. Who takes nothing is
   * dropped.
   * @returns whether it has taken all
   */
  async take(text: string | LongText): Promise<boolean> {
    if (!(text instanceof LongText)) return this.takePart(text, true);
    for await (const part of text.parts()) if (!(await this.takePart(part, false))) return false;
    return this.takePart('', true);
  }

  /** Whether it has shown so lately that it is there, by taking what it gets at its own pace. An answer to a ping may be long behind that. */
  tookSomething(sinceMs: number): boolean {
    return performance.now() - this.takenAt < sinceMs;
  }

  /** Says that it is over, behind what has been sent. */
  end(code: number, reason: CloseReason): void {
    this.socket.close(code, reason);
  }

  /** 1013: come again later. It would have to read what waits before it could see this: whoever does not read is cut off by the library. */
  drop(): void {
    this.end(1013, 'slow');
  }

  onceClosed(run: () => void): void {
    this.socket.once('close', run);
  }

  private async takePart(text: string, last: boolean): Promise<boolean> {
    if (!this.isOpen) return false;
    this.takenAt = Infinity;
    const taken = await within(this.write(Buffer.from(text), last), this.patienceMs);
    this.takenAt = performance.now();
    if (!taken) this.drop();
    return this.isOpen;
  }

  /** @param last of its message: the parts of a long one are frames, which a client puts together */
  private write(text: Buffer, last: boolean): Promise<void> {
    return new Promise((resolve) => this.socket.send(text, { binary: false, fin: last }, () => resolve()));
  }
}
