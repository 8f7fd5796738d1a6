import { choice, pageMeta, pageOf, singleValues, wholeNumber } from './query';

const badQuery = expect.objectContaining({ status: 400, code: 'invalid_query' });

describe('pageOf', () => {
  it('is the first 20 rows when nothing is said, or nothing is in it', () => {
    expect(pageOf(singleValues({}))).toEqual({ page: 1, limit: 20, offset: 0 });
    expect(pageOf(singleValues({ page: '', limit: '' }))).toEqual({ page: 1, limit: 20, offset: 0 });
  });

  it('takes a limit over 100 for 100', () => {
    expect(pageOf(singleValues({ page: '3', limit: '100' })).offset).toBe(200);
    for (const limit of ['101', '9'.repeat(400)]) expect(pageOf(singleValues({ limit })).limit).toBe(100);
  });

  it.each(['0', '-1', '1.5', '1e3', 'x', '0x10', ' 1', '1 ', '９', '-0'])('refuses %j for both', (value) => {
    expect(() => pageOf(singleValues({ page: value }))).toThrow(badQuery);
    expect(() => pageOf(singleValues({ limit: value }))).toThrow(badQuery);
  });

  it('takes a page beyond all numbers for the last one that PostgreSQL can count to', () => {
    const { page, offset } = pageOf(singleValues({ page: '9'.repeat(400), limit: '100' }));
    expect({ page, sent: String(offset) }).toEqual({ page: 999_999_999_999_999, sent: '99999999999999800' });
  });

  it('counts no page of nothing', () => {
    const page = pageOf(singleValues({}));
    expect([0, 1, 20, 21, 42].map((total) => pageMeta(page, total).pages)).toEqual([0, 1, 1, 2, 3]);
  });
});

describe('the values of a query', () => {
  it('are given once, and of characters that a text can have', () => {
    expect(() => singleValues({ tag: ['a', 'b'] })).toThrow(badQuery);
    expect(() => singleValues({ tag: 'a\u0000' })).toThrow(badQuery);
    expect(singleValues(JSON.parse('{"__proto__":"x"}') as Record<string, unknown>).get('tag')).toBeUndefined();
  });

  it('are one of some words, exactly', () => {
    const words = ['asc', 'desc'] as const;
    expect(choice(singleValues({ order: 'asc' }), 'order', words)).toBe('asc');
    expect(choice(singleValues({}), 'order', words)).toBeUndefined();
    for (const order of ['ASC', 'up', 'asc,desc'])
      expect(() => choice(singleValues({ order }), 'order', words)).toThrow(badQuery);
  });

  it('are numbers from 0 where that makes sense', () => {
    const offset = (value: string) => wholeNumber(singleValues({ offset: value }), 'offset', { min: 0, standard: 0 });
    expect(offset('0')).toBe(0);
    expect(offset('')).toBe(0);
    expect(() => offset('-1')).toThrow(badQuery);
  });
});
