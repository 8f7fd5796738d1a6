import { ExpressionError } from './expression';
import { expressionsOf, isTemplate, renderTemplate } from './template';

const scope = { parameters: { id: 'a', n: 3, list: ['x'], hostile: '${parameters.n}', none: null } };

describe('templates', () => {
  it.each([
    ['${parameters.n}', 3],
    ['${parameters.list}', ['x']],
    ['${parameters.id}.mp4', 'a.mp4'],
    ['${parameters.id}/${parameters.n}${parameters.none}', 'a/3'],
    ["${parameters.none ?? '}'}", '}'],
    ['$${parameters.n}', '${parameters.n}'],
    ['cost: $5 {x}', 'cost: $5 {x}'],
    ['', ''],
  ])('%s renders to %j', (template, value) => {
    expect(renderTemplate(template, scope)).toEqual(value);
  });

  it('renders inside lists and objects, values but not keys', () => {
    expect(renderTemplate({ '${x}': ['${parameters.id}', 1, null] }, scope)).toEqual({ '${x}': ['a', 1, null] });
  });

  it('never evaluates what an expression yields', () => {
    expect(renderTemplate('${parameters.hostile}', scope)).toBe('${parameters.n}');
    expect(renderTemplate('<${parameters.hostile}>', scope)).toBe('<${parameters.n}>');
  });

  it('refuses a list inside a text and a brace that is never closed', () => {
    expect(() => renderTemplate('x${parameters.list}', scope)).toThrow(ExpressionError);
    expect(() => renderTemplate('${parameters.n', scope)).toThrow("without '}'");
  });

  it('tells templates from texts', () => {
    expect([isTemplate('${a}'), isTemplate('$${a}'), isTemplate('a'), isTemplate(3)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(expressionsOf({ a: ['${x}', { b: 'y${z}' }] }).map((expression) => expression.source)).toEqual(['x', 'z']);
  });
});
