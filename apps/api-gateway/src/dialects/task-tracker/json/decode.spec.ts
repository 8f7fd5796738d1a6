import { decode, flag, float, int16, int32, int64, list, object, ParseFault, text } from './decode';

const SHAPE = {
  name: text(),
  big: int64(),
  middle: int32(),
  small: int16(),
  rate: float(),
  on: flag(),
  inner: object({ a: text() }),
  rows: list({ id: int64(), name: text() }),
};
const ZERO = { name: '', big: 0n, middle: 0, small: 0, rate: 0, on: false, inner: { a: '' }, rows: [] };

const read = (body: string) => decode(Buffer.from(body), SHAPE);
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('decode', () => {
  it('reads every kind of field', () => {
    const body = `{"name":"é😀\\n\\u0041\\"\\\\","big":-7,"middle":2147483647,"small":-32768,"rate":0.5e1,"on":true,
      "inner":{"a":"x"},"rows":[{"id":1,"name":"one"},{"id":2}]}`;
    expect(read(body)).toEqual({
      name: 'é😀\nA"\\',
      big: -7n,
      middle: 2_147_483_647,
      small: -32_768,
      rate: 5,
      on: true,
      inner: { a: 'x' },
      rows: [
        { id: 1n, name: 'one' },
        { id: 2n, name: '' },
      ],
    });
  });

  it.each(['{}', 'null', ' \t\r\n{ } \n', '{"name":null,"big":null,"rate":null,"on":null,"inner":null,"rows":null}'])(
    'makes zeros of what is missing or null: %j',
    (body) => expect(read(body)).toEqual(ZERO),
  );

  it('makes zeros of a list entry that is null', () => {
    expect(read('{"rows":[null]}').rows).toEqual([{ id: 0n, name: '' }]);
  });

  it.each(['9223372036854775807', '-9223372036854775808', '9007199254740993', '0', '-0', '-32315129'])(
    'keeps every digit of %s',
    (digits) => expect(read(`{"big":${digits}}`).big).toBe(BigInt(digits)),
  );

  it('takes keys in whatever case, the last of several, and leaves unknown ones alone', () => {
    expect(read('{"NAME":"a","Big":5}')).toMatchObject({ name: 'a', big: 5n });
    expect(read('{"name":"a","Name":"b"}').name).toBe('b');
    expect(read('{"name":"a","name":null}').name).toBe('a');
    expect(
      read('{"other":[1.5e300,{"x":[true,false,null,"\\u0000"]}],"__proto__":{"name":"x"},"constructor":1}'),
    ).toEqual(ZERO);
  });

  it.each([
    ['nothing', ''],
    ['blanks', '  '],
    ['a byte order mark', '\uFEFF{}'],
    ['a list', '[]'],
    ['a number', '5'],
    ['a text', '"name"'],
    ['true', 'true'],
    ['something behind the end', '{} x'],
    ['a second value', '{}{}'],
    ['a trailing comma', '{"name":"a",}'],
    ['a trailing comma in a list', '{"rows":[{},]}'],
    ['no comma', '{"name":"a" "big":1}'],
    ['no colon', '{"name" "a"}'],
    ['no end', '{"name":"a"'],
    ['a key that is none', '{name:"a"}'],
    ['a text without an end', '{"name":"a'],
    ['a text that ends in a backslash', '{"name":"a\\"}'],
    ['a line break in a text', '{"name":"a\nb"}'],
    ['an escape that is none', '{"name":"\\x41"}'],
    ['half an escape', '{"name":"\\u00"}'],
    ['a word that is none', '{"on":truth}'],
    ['Python words', '{"on":True}'],
    ['NaN', '{"rate":NaN}'],
    ['a comment', '{}//'],
    ['a number for a text', '{"name":5}'],
    ['an object for a text', '{"name":{"a":1}}'],
    ['a text for an integer', '{"big":"1"}'],
    ['a fraction for an integer', '{"big":1.0}'],
    ['an exponent for an integer', '{"big":1e2}'],
    ['a boolean for an integer', '{"big":true}'],
    ['a leading zero', '{"big":01}'],
    ['a plus', '{"big":+1}'],
    ['a minus alone', '{"big":-}'],
    ['an integer beyond 64 bits', '{"big":9223372036854775808}'],
    ['a negative one', '{"big":-9223372036854775809}'],
    ['an endless one', `{"big":${'9'.repeat(1_000_000)}}`],
    ['an integer beyond 32 bits', '{"middle":2147483648}'],
    ['an integer beyond 16 bits', '{"small":32768}'],
    ['a number beyond every range', '{"rate":1e999}'],
    ['a text for a number', '{"rate":"1"}'],
    ['a number for a flag', '{"on":1}'],
    ['a text for a flag', '{"on":"true"}'],
    ['an object for a list', '{"rows":{}}'],
    ['a number in a list of objects', '{"rows":[1]}'],
    ['a list for an object', '{"inner":[]}'],
    ['NUL', '{"name":"a\\u0000"}'],
    ['half of a surrogate pair', '{"name":"\\ud800"}'],
    ['the other half', '{"name":"\\udc00x"}'],
    ['malformed JSON under an unknown key', '{"x":[1,}'],
    ['a depth bomb under an unknown key', `{"x":${nested(500_000)}}`],
  ])('refuses %s', (_, body) => {
    expect(() => read(body)).toThrow(ParseFault);
  });

  it('refuses bytes that are not UTF-8, and no bytes at all', () => {
    expect(() => decode(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), SHAPE)).toThrow(ParseFault);
    expect(() => decode(undefined, SHAPE)).toThrow(ParseFault);
  });

  it('reads a text of several megabytes of escapes', () => {
    const long = '\\"\\\\'.repeat(1_000_000);
    expect(read(`{"name":"${long}"}`).name).toHaveLength(2_000_000);
  });

  it('tells the text of a fault without the text of the body', () => {
    expect(() => read('{"name":secret}')).toThrow(/^(?!.*secret)/);
  });
});
