import { recoveryAfter } from './faulted-drain-recovery';

/** Evenly spread completions. */
const steady = (from: number, to: number, perSecond: number) =>
  Array.from({ length: ((to - from) * perSecond) / 1_000 }, (_, index) => from + (index * 1_000) / perSecond);

describe('recoveryAfter', () => {
  it('is at once when the kill does not dent the rate', () => {
    expect(recoveryAfter(steady(0, 20_000, 100), 5_000, 100)).toEqual({ milliseconds: 0, lowestRate: 100 });
  });

  it('counts from the kill to the first full window', () => {
    const { milliseconds, lowestRate } = recoveryAfter(
      [...steady(0, 5_000, 100), ...steady(5_000, 12_000, 20), ...steady(12_000, 30_000, 100)],
      5_000,
      100,
    );
    // a window that begins somewhat before the change is full already: 0.8 of it are enough
    expect(milliseconds).toBeGreaterThanOrEqual(6_500);
    expect(milliseconds).toBeLessThanOrEqual(7_000);
    expect(lowestRate).toBe(20);
  });

  it('refuses to judge when too little work is left or the rate stays low', () => {
    expect(() => recoveryAfter(steady(0, 5_500, 100), 5_000, 100)).toThrow('too few');
    expect(() => recoveryAfter(steady(0, 20_000, 50), 5_000, 100)).toThrow('never');
  });
});
