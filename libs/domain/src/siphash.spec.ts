import { sipHash } from './siphash';

/** Of reference/task-tracker.md 2.6, key 1 and 2. */
const VECTORS: [string, bigint][] = [
  ['a', 5158252350249958646n],
  ['test', 6838688128588807185n],
  ['Hello, world', 8565956259293726066n],
  ['This one should work', 18063009602014527017n],
  ['héllo', 16420683384832294032n],
  ['0123456789abcdef', 11919773207460127844n],
  ['', 9667169246107117435n],
];

describe('sipHash', () => {
  it.each(VECTORS)('of %j is %d', (text, expected) => {
    expect(sipHash(Buffer.from(text), [1, 2])).toBe(expected);
  });

  it('depends on both words of the key, and on every byte, zeros at the end included', () => {
    const hashes = new Set([
      sipHash(Buffer.from('test'), [1, 2]),
      sipHash(Buffer.from('test'), [2, 1]),
      sipHash(Buffer.from('test'), [0, 2]),
      sipHash(Buffer.from('test'), [1, 0]),
      ...Array.from({ length: 20 }, (_, zeros) => sipHash(Buffer.alloc(zeros), [1, 2])),
    ]);
    expect(hashes.size).toBe(24);
  });

  it('counts bytes modulo 256, so that long texts differ too', () => {
    const long = Buffer.alloc(100_000, 'x');
    expect(sipHash(long, [1, 2])).not.toBe(sipHash(long.subarray(1), [1, 2]));
    expect(sipHash(long, [1, 2])).toBe(sipHash(Buffer.from(long), [1, 2]));
  });
});
