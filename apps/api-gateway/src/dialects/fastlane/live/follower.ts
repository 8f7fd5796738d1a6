import type { WebSocket } from 'ws';

/** Bytes that wait for a follower before it counts as too slow. */
export const MAX_BEHIND_BYTES = 1_048_576;

/** Reasons that clients know: there is no more, or: try again. */
export type CloseReason = 'wsdone' | 'wsretry' | 'slow' | '';

/** Somebody who reads a log over a WebSocket. */
export class Follower {
  constructor(private readonly socket: WebSocket) {}

  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  /** Whether so much waits for it that it holds memory for others' sake. */
  get isSlow(): boolean {
    return this.socket.bufferedAmount > MAX_BEHIND_BYTES;
  }

  /** Sends one frame of text. Resolves when the system has taken it, or nobody is there any more. */
  send(text: Buffer): Promise<void> {
    return new Promise((resolve) => this.socket.send(text, { binary: false }, () => resolve()));
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
}
