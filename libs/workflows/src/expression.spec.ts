import { compileExpression, ExpressionError } from './expression';

const scope = {
  parameters: {
    name: 'a/b/c.mp4',
    drm: ['clear', 'cenc'],
    flag: true,
    off: false,
    count: 3,
    empty: null,
    text: '${parameters.flag}',
  },
  tasks: { cut: { output: { file: 'x.mp4', list: [1, 2] } }, skipped: { output: null } },
};
const compute = (source: string): unknown => compileExpression(source).evaluate(scope);

describe('expressions', () => {
  it.each([
    ['parameters.flag && !parameters.off', true],
    ['parameters.off || parameters.count', 3],
    ['parameters.empty ?? parameters.absent ?? "x"', 'x'],
    ['parameters.flag ? 1 : 2', 1],
    ['parameters.count == 3 && parameters.count != 4', true],
    ['parameters.count < 4 && parameters.count >= 3 && "a" < "b"', true],
    ['parameters.drm[1]', 'cenc'],
    ['parameters.drm[7]', null],
    ['parameters.drm == ["clear", "cenc"]', true],
    ['size(parameters.drm) > 1', true],
    ['size(parameters.absent)', 0],
    ['contains(parameters.drm, "cenc")', true],
    ['contains("abc", "bc")', true],
    ['contains_any(parameters.drm, ["aes", "fairplay"])', false],
    ['basename(parameters.name)', 'c.mp4'],
    ['join(["a", null, 1], "/")', 'a/1'],
    ['coalesce(null, parameters.absent, 0)', 0],
    ['tasks.cut.output.file', 'x.mp4'],
    ['tasks.skipped.output.file ?? tasks.cut.output.file', 'x.mp4'],
    ['parameters.absent.deeper.still', null],
    ['-1', -1],
    ['"10" == 10', false],
  ])('%s is %j', (source, value) => {
    expect(compute(source)).toEqual(value);
  });

  it.each([
    'this',
    'parameters.constructor',
    'parameters.__proto__',
    'parameters["__proto__"]',
    'parameters["constructor"]("return 1")()',
    'constructor',
    '__proto__',
    'size.constructor',
    'parameters.drm.map(parameters)',
    'process.exit(1)',
    'eval("1")',
    'toString()',
    'parameters = 1',
    'a; b',
    '',
    '1 + 1',
    '2 ** 8',
    'parameters?.flag',
    '~1',
    '+parameters.count',
    '-parameters.count',
    '(',
    '`x`',
    '{}',
    'size()',
    'size(1, 2)',
    'tasks',
    'tasks[parameters.name].output',
    '[1,,2]',
    'new Date()',
    'x => x',
    '('.repeat(5000),
    '!'.repeat(4000),
  ])('%s does not compile', (source) => {
    expect(() => compileExpression(source)).toThrow(ExpressionError);
  });

  it.each(['parameters[hidden]', 'parameters["to" ?? ""]'])('%s reaches nothing inherited', (source) => {
    const hostile = { hidden: '__proto__', parameters: { a: 1 } };
    expect(compileExpression(source).evaluate(hostile)).toBeNull();
  });

  it('sees own fields only: length, toString and constructors are absent', () => {
    expect(compute('parameters.drm.length')).toBeNull();
    expect(compute('parameters.name.length')).toBeNull();
    expect(compute('parameters.toString')).toBeNull();
    expect(() => compute('hasOwnProperty')).toThrow("unknown name 'hasOwnProperty'");
  });

  it.each([
    'parameters.drm < 3',
    'size(true)',
    'join(parameters.drm, 3)',
    'contains(3, 3)',
    'basename(3)',
    'nowhere.x',
  ])('%s compiles and fails when it is computed', (source) => {
    expect(() => compute(source)).toThrow(ExpressionError);
  });

  it('tells what it reads', () => {
    const { names, parameters, tasks } = compileExpression('parameters.a ?? tasks["b"].output.x ?? client.config');
    expect([[...names].sort(), [...parameters], [...tasks]]).toEqual([['client', 'parameters', 'tasks'], ['a'], ['b']]);
  });
});
