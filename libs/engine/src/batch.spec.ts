import { Batch } from './batch';

describe('a batch', () => {
  it('answers a lone call at once, and calls that come meanwhile together, each with its own result', async () => {
    const sizes: number[] = [];
    const batch = new Batch<number, number>(
      async (items) => {
        sizes.push(items.length);
        await new Promise((resolve) => setImmediate(resolve));
        return items.map((item) => item * 2);
      },
      { size: 10, parallel: 1 },
    );
    expect(await Promise.all(Array.from({ length: 25 }, (_, i) => batch.add(i)))).toEqual(
      Array.from({ length: 25 }, (_, i) => i * 2),
    );
    expect(sizes).toEqual([10, 10, 5]);
  });

  it('lets one bad item fail alone', async () => {
    const batch = new Batch<string, string>(
      (items) =>
        items.includes('bad')
          ? Promise.reject(Object.assign(new Error('invalid text'), { code: '22P02' }))
          : Promise.resolve(items.map((item) => `${item}!`)),
      { size: 10, parallel: 1 },
    );
    const results = await Promise.allSettled(['a', 'bad', 'b'].map((item) => batch.add(item)));
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
      'a!',
      'failed',
      'b!',
    ]);
  });

  it('fails together what fails for a reason of its own', async () => {
    let runs = 0;
    const batch = new Batch<number, number>(
      () => {
        runs += 1;
        return Promise.reject(new Error('connection refused'));
      },
      { size: 10, parallel: 1 },
    );
    const results = await Promise.allSettled([1, 2, 3].map((item) => batch.add(item)));
    expect(results.every((result) => result.status === 'rejected')).toBe(true);
    expect(runs).toBe(1);
  });
});
