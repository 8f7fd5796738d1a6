/** Something took longer than it may. */
export class TimeOver extends Error {
  override name = 'TimeOver';
}

/**
 * Runs `work` with a signal that aborts when one of `signals` does, or after `seconds`; then rejects with the reason at once, even when `work`
 * does not heed its signal. Leaves neither timer nor listener behind.
 * @throws TimeOver, the reason of a signal, or what `work` throws
 */
export async function limited<T>(
  limits: { readonly signals: readonly AbortSignal[]; readonly seconds: number },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const interruption = new Interruption(limits.signals, (reason) => controller.abort(reason));
  const timer = setTimeout(
    () => interruption.raise(new TimeOver(`no answer within ${limits.seconds} s`)),
    limits.seconds * 1000,
  );
  try {
    return await interruption.race(() => work(controller.signal));
  } finally {
    clearTimeout(timer);
    interruption.end();
  }
}

/**
 * What ends a wait early: one of several signals, or `raise`. Stands for `AbortSignal.any` and `Promise.race`, which on a signal or a promise that
 * lives long keep a listener for every signal and every race made of it: a log that is followed for days would fill the memory.
 */
export class Interruption {
  private reason: { readonly value: unknown } | undefined;
  private reject: ((reason: unknown) => void) | undefined;
  private readonly listeners: { signal: AbortSignal; listener: () => void }[];

  /** @param onRaised hears of the first reason */
  constructor(
    signals: readonly AbortSignal[],
    private readonly onRaised: (reason: unknown) => void = () => undefined,
  ) {
    this.listeners = signals.map((signal) => {
      const listener = () => this.raise(signal.reason);
      signal.addEventListener('abort', listener, { once: true });
      return { signal, listener };
    });
    const aborted = signals.find((signal) => signal.aborted);
    if (aborted) this.raise(aborted.reason);
  }

  /** Rejects the race that runs, and every later one. Only the first reason counts. */
  raise(reason: unknown): void {
    if (this.reason) return;
    this.reason = { value: reason };
    this.onRaised(reason);
    this.reject?.(reason);
  }

  /** What `work` comes to, or the reason of the interruption when that is first. One race at a time. */
  race<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.reason) return reject(this.reason.value);
      this.reject = reject;
      work().then(resolve, reject);
    });
  }

  /** Takes its listeners off. */
  end(): void {
    this.reject = undefined;
    for (const { signal, listener } of this.listeners) signal.removeEventListener('abort', listener);
  }
}
