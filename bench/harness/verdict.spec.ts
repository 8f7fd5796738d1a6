import type { Bar } from './benchmark';
import { judge, median, percentile } from './verdict';

const bar: Bar = { name: 'rate', figure: 'jobs/s', of: 'ours', against: 'theirs', better: 'higher', must: 0.5, aim: 1 };
const round = (ours: number, theirs: number) => ({ ours: { 'jobs/s': ours }, theirs: { 'jobs/s': theirs } });

describe('judge', () => {
  it('takes the median of the ratios of each round, not the ratio of the medians', () => {
    const verdict = judge(bar, [round(50, 100), round(100, 400), round(90, 100)]);
    expect(verdict.values).toEqual([0.5, 0.25, 0.9]);
    expect(verdict).toMatchObject({ median: 0.5, min: 0.25, max: 0.9, reached: { must: true, aim: false } });
  });

  it('wants a small ratio where lower is better', () => {
    const latency: Bar = { ...bar, better: 'lower', must: 6, aim: 3 };
    expect(judge(latency, [round(4, 1)]).reached).toEqual({ must: true, aim: false });
    expect(judge(latency, [round(7, 1)]).reached).toEqual({ must: false, aim: false });
  });

  it('judges the figure itself where there is no other side', () => {
    expect(judge({ ...bar, against: undefined, must: 40 }, [round(50, 100)])).toMatchObject({
      median: 50,
      reached: { must: true, aim: true },
    });
  });

  it('refuses a figure that was not measured', () => {
    expect(() => judge({ ...bar, figure: 'p99 ms' }, [round(1, 1)])).toThrow("ours has no usable figure 'p99 ms'");
  });
});

describe('median and percentile', () => {
  it('are the usual ones', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([50, 99, 100]);
  });
});
