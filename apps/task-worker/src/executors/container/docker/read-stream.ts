import type { IncomingMessage } from 'node:http';
import { Interruption } from './limited';

/** How a stream may end without its sender. */
export interface StreamWatch {
  readonly signals: readonly AbortSignal[];
  /** Milliseconds without a byte after which `onQuiet` is asked, again and again. */
  readonly quietMs: number;
  /** Looks whether somebody is still there. `over`: stop reading. @throws what the reading shall fail with */
  onQuiet(): Promise<'go on' | 'over'>;
}

/** The sender went away before the end. */
export class StreamBroken extends Error {
  override name = 'StreamBroken';
}

const OVER = Symbol('over');

/**
 * Hands over what an engine sends, chunk by chunk, no faster than it is taken. A command may say nothing for hours, and an engine that hangs says
 * nothing either: a silent stream is not limited in time but looked after (`onQuiet`).
 * @returns `ended` by the sender, `over` by `onQuiet`
 * @throws StreamBroken; what `take` or `onQuiet` throw; the reason of a signal. The connection is closed in any case
 */
export async function readStream(
  stream: IncomingMessage,
  watch: StreamWatch,
  take: (chunk: Buffer) => void | Promise<void>,
): Promise<'ended' | 'over'> {
  const interruption = new Interruption(watch.signals);
  const quiet = new QuietTimer(watch, (reason) => interruption.raise(reason));
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  try {
    for (;;) {
      quiet.begin();
      const next = await interruption.race(() => nextOf(chunks));
      quiet.end();
      if (next.done) break;
      await interruption.race(async () => take(next.value));
    }
    if (!stream.complete) throw new StreamBroken('the connection was closed before the end');
    return 'ended';
  } catch (error) {
    if (error === OVER) return 'over';
    throw error;
  } finally {
    quiet.end();
    interruption.end();
    stream.destroy();
  }
}

async function nextOf(chunks: AsyncIterator<Buffer, undefined>): Promise<IteratorResult<Buffer, undefined>> {
  try {
    return await chunks.next();
  } catch (error) {
    throw new StreamBroken(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Asks `onQuiet` every so often while nothing comes. */
class QuietTimer {
  private timer: NodeJS.Timeout | undefined;
  /** Counts the waits: an answer that comes after its wait is over says nothing any more. */
  private wait = 0;

  constructor(
    private readonly watch: StreamWatch,
    private readonly stop: (reason: unknown) => void,
  ) {}

  begin(): void {
    this.wait += 1;
    this.arm(this.wait);
  }

  end(): void {
    this.wait += 1;
    clearTimeout(this.timer);
  }

  private arm(wait: number): void {
    this.timer = setTimeout(() => {
      this.watch.onQuiet().then(
        (answer) => {
          if (wait !== this.wait) return;
          if (answer === 'over') this.stop(OVER);
          else this.arm(wait);
        },
        (error: unknown) => {
          if (wait === this.wait) this.stop(error);
        },
      );
    }, this.watch.quietMs);
  }
}
