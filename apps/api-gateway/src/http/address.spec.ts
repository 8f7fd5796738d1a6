import { decodePart, splitAddress } from './address';

describe('splitAddress', () => {
  it.each([
    ['/a/b?c=d&e', '/a/b', '?c=d&e'],
    ['/a', '/a', ''],
    ['/a#b?c', '/a', ''],
    ['/a?b#c', '/a', '?b'],
    ['http://host:80/a?b', '/a', '?b'],
    ['http://host', '/', ''],
    ['*', '*', ''],
    ['', '/', ''],
    ['//a//b', '//a//b', ''],
  ])('of %j', (url, path, query) => expect(splitAddress(url)).toEqual({ path, query }));
});

describe('decodePart', () => {
  it('decodes once, what is UTF-8', () => {
    expect(decodePart('%31')).toBe('1');
    expect(decodePart('a%2Fb%2531')).toBe('a/b%31');
    expect(decodePart('%C3%A9')).toBe('é');
    for (const part of ['%', '%zz', '%ff']) expect(decodePart(part)).toBeUndefined();
  });
});
