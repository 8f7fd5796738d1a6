import { DomainError } from '@task-engine/domain';
import { checkText, MAX_DEPTH, MAX_ENTRIES, parseJson } from './json-text';

const parse = (text: string) => parseJson(Buffer.from(text));
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const refusal = (text: string) => {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    expect((error as DomainError).code).toBe('invalid_parameter');
    return (error as Error).message;
  }
  throw new Error('was accepted');
};

describe('parseJson', () => {
  it('reads JSON as JSON.parse does, with a byte order mark or without', () => {
    const text = '{"a":[1,-2.5e3,true,null,"é😀\\n"],"constructor":"name","b":{}}';
    expect(parse(text)).toEqual(JSON.parse(text));
    expect(parse(`\uFEFF${text}`)).toEqual(JSON.parse(text));
  });

  it('tells where malformed JSON goes wrong without quoting it', () => {
    const message = refusal('{"api-key":"secret" "x"}');
    expect(message).toBe('Malformed JSON in the request body at position 20');
    expect(refusal('{"a":')).toBe('Malformed JSON in the request body');
    expect(refusal('hello secret')).not.toContain('secret');
  });

  it('allows the deepest nesting that is allowed and nothing deeper, however deep', () => {
    expect(parse(nested(MAX_DEPTH))).toBeInstanceOf(Array);
    expect(refusal(nested(MAX_DEPTH + 1))).toMatch(/deeper than 64/);
    expect(refusal(nested(500_000))).toMatch(/deeper than 64/);
    expect(refusal('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000))).toMatch(/deeper than 64/);
  });

  it('refuses lists and objects with too many entries', () => {
    const list = (length: number) => JSON.stringify(Array.from({ length }, () => 0));
    expect(parse(list(MAX_ENTRIES))).toHaveLength(MAX_ENTRIES);
    expect(refusal(list(MAX_ENTRIES + 1))).toMatch(/more than 10000 entries/);
    expect(refusal(JSON.stringify(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`k${i}`, i]))))).toMatch(
      /10000/,
    );
  });

  it.each([
    ['a NUL in a value', '{"a":"x\\u0000"}', /NUL/],
    ['a NUL in a name', '{"x\\u0000":1}', /NUL/],
    ['half of a surrogate pair in a value', '["\\ud800"]', /surrogate/],
    ['half of a surrogate pair in a name', '{"\\udc00":1}', /surrogate/],
    ['__proto__', '{"a":[{"__proto__":{}}]}', /__proto__/],
    ['constructor.prototype', '{"constructor":{"prototype":{}}}', /constructor\.prototype/],
    ['a number past the range of a double', '[1e999]', /number that is out of range/],
    ['a negative one', '{"a":-1e999}', /number that is out of range/],
    ['an integer that would change', '{"a":[9007199254740993]}', /out of range.*9007199254740991/],
    ['a negative one that would change', '-9007199254740993', /out of range/],
    ['the first integer that two spellings share', '9007199254740992', /out of range/],
    ['a long integer', '123456789012345678901234567890', /out of range/],
    ['a large integer with an exponent', '1e20', /out of range/],
  ])('refuses %s', (_, text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it('keeps every integer that a double keeps, fractions, small exponents, and long numbers in strings', () => {
    const text = '[9007199254740991,-9007199254740991,0.1,-2.75,1.5e3,1e-7,0,"9007199254740993","1e999"]';
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow('not valid UTF-8');
    // a surrogate encoded in UTF-8 is none
    expect(() => parseJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toThrow('not valid UTF-8');
  });
});

describe('checkText', () => {
  it('accepts whole surrogate pairs', () => {
    expect(() => checkText('😀 é')).not.toThrow();
    expect(() => checkText('\ud83d')).toThrow('The request body holds half of a surrogate pair');
  });
});
