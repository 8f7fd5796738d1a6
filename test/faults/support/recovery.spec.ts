import { rateBack } from './recovery';

/** Completions every `step` ms from one moment until another. */
const every = (step: number, from: number, to: number) =>
  Array.from({ length: Math.floor((to - from) / step) }, (_, n) => from + n * step);

describe('the moment at which the rate is back', () => {
  it('is the start of the first two seconds that complete 80 % of what comes', () => {
    const trickle = every(1_000, 0, 5_000);
    const steady = every(100, 5_000, 20_000);
    const back = rateBack([...trickle, ...steady], 0, 20_000, 10);
    expect(back).toBeGreaterThanOrEqual(3_000);
    expect(back).toBeLessThanOrEqual(5_000);
  });

  it('is the end of the fault itself when nothing was missed', () => {
    expect(rateBack(every(100, 1_000, 4_000), 1_000, 4_000, 10)).toBe(1_000);
  });

  it('has not come before two seconds have been seen, nor below the rate', () => {
    expect(rateBack(every(50, 0, 1_900), 0, 1_900, 10)).toBeUndefined();
    expect(rateBack(every(200, 0, 20_000), 0, 20_000, 10)).toBeUndefined();
  });
});
