import { LongText } from '@task-engine/engine';
import { joined, partsOf } from './joined';
import { jsonParts, jsonText } from './json-text';

describe('jsonText', () => {
  it('sorts keys as texts, writes compactly and ends in a newline', () => {
    expect(jsonText({ b: [1, { z: null, a: true }], a: 'x', 10: 1, 9: 2, _: {} })).toBe(
      '{"10":1,"9":2,"_":{},"a":"x","b":[1,{"a":true,"z":null}]}\n',
    );
  });

  it('leaves out what is undefined', () => {
    expect(jsonText({ a: undefined, b: [] })).toBe('{"b":[]}\n');
  });

  it('escapes what is not ASCII, pairs of surrogates included, and control characters', () => {
    expect(jsonText({ é: '😀 \n"/' })).toBe('{"\\u00e9":"\\ud83d\\ude00 \\n\\"/"}\n');
  });

  it('indents by two blanks where it is read by people', () => {
    expect(jsonText({ b: [1, 2], a: {}, c: [] }, { pretty: true })).toBe(
      '{\n  "a": {},\n  "b": [\n    1,\n    2\n  ],\n  "c": []\n}\n',
    );
  });

  it('says the same as JSON.stringify', () => {
    const value = { a: [1.5, -0.25, 'é', { b: null }], __proto: 'x', 'with "quotes"': false };
    expect(JSON.parse(jsonText(value))).toEqual(value);
    expect(JSON.parse(jsonText(value, { pretty: true }))).toEqual(value);
  });

  it('reads long texts where they stand, part by part', async () => {
    const parts = ['"é', '😀\n', '\u0000 end'];
    const long = new LongText(15, async function* () {
      yield* parts;
    });
    const value = (text: unknown) => ({ b: [text, joined(['<', text as LongText, '>'])], a: 'é' });
    for (const pretty of [false, true]) {
      const written: string[] = [];
      for await (const part of partsOf(jsonParts(value(long), { pretty }))) written.push(part);
      expect(written.join('')).toBe(jsonText(value(parts.join('')), { pretty }));
      expect(written.length).toBeGreaterThan(6);
    }
  });
});
