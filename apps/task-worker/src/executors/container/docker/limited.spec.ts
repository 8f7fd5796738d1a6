import { getEventListeners, setMaxListeners } from 'node:events';
import { Interruption, limited, TimeOver } from './limited';

const never = () => new Promise<never>(() => undefined);

describe('limited work', () => {
  it('gives its result, and leaves nothing on the signals it was limited by', async () => {
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const works = Array.from({ length: 50 }, (_, index) =>
      limited({ signals: [signal], seconds: 60 }, async () => index),
    );
    expect(getEventListeners(signal, 'abort')).toHaveLength(50);
    expect((await Promise.all(works)).length).toBe(50);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('is over when its time is, whether it heeds its signal or not', async () => {
    let heard: unknown;
    const work = limited({ signals: [], seconds: 0.01 }, (signal) => {
      signal.addEventListener('abort', () => (heard = signal.reason));
      return never();
    });
    await expect(work).rejects.toThrow(TimeOver);
    expect(heard).toBeInstanceOf(TimeOver);
  });

  it('fails with the reason of the first signal that aborts, also of one that has', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const reason = new Error('stopped');
    const work = limited({ signals: [first.signal, second.signal], seconds: 60 }, never);
    second.abort(reason);
    first.abort(new Error('later'));
    await expect(work).rejects.toBe(reason);
    const begun = jest.fn(never);
    await expect(limited({ signals: [second.signal], seconds: 60 }, begun)).rejects.toBe(reason);
    expect(begun).not.toHaveBeenCalled();
    expect(getEventListeners(first.signal, 'abort')).toHaveLength(0);
  });

  it('fails with its own error, also one that it throws at once', async () => {
    const error = new Error('broken');
    const limits = { signals: [], seconds: 60 };
    await expect(limited(limits, () => Promise.reject(error))).rejects.toBe(error);
    await expect(
      limited(limits, () => {
        throw error;
      }),
    ).rejects.toBe(error);
  });
});

describe('an interruption', () => {
  it('ends every later race too', async () => {
    const interruption = new Interruption([]);
    expect(await interruption.race(async () => 1)).toBe(1);
    interruption.raise('enough');
    await expect(interruption.race(never)).rejects.toBe('enough');
    await expect(interruption.race(async () => 1)).rejects.toBe('enough');
  });
});
