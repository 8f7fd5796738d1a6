import { encode } from './encode';

describe('encode', () => {
  it('writes what JSON.stringify writes', () => {
    const value = { a: [1, 'x"\n', true, null], b: { c: -0.5 }, d: undefined, e: Number.MAX_VALUE, f: [], g: {} };
    expect(encode(value)).toBe(JSON.stringify(value));
  });

  it('writes integers with all their digits', () => {
    expect(encode({ a: 9223372036854775807n, b: [-9223372036854775808n] })).toBe(
      '{"a":9223372036854775807,"b":[-9223372036854775808]}',
    );
  });

  it('writes the largest number as clients know it', () => {
    expect(encode(Number.MAX_VALUE)).toBe('1.7976931348623157e+308');
  });
});
