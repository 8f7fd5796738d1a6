import { splitCommand, UnbalancedQuotes } from './split-command';

describe('a command line', () => {
  it.each([
    ['', []],
    ['  \t\n', []],
    ['ls', ['ls']],
    ['  ls   -l\t/tmp\n', ['ls', '-l', '/tmp']],
    ['ls -l\r\n', ['ls', '-l']],
    [`sh -c 'echo "a b"; exit 3'`, ['sh', '-c', 'echo "a b"; exit 3']],
    [`echo "it's"`, ['echo', "it's"]],
    [`a"b c"d'e f'g`, ['ab cde fg']],
    [`printf '' ""`, ['printf', '', '']],
    [`'a\\b' 'it'\\''s'`, ['a\\b', "it's"]],
    ['a\\ b \\"c\\" \\\\', ['a b', '"c"', '\\']],
    ['"\\$HOME \\`x\\` \\"y\\" \\\\ \\n"', ['$HOME `x` "y" \\ \\n']],
    ['a\\\nb "c\\\nd"', ['ab', 'cd']],
    ['echo $HOME *.txt ~ {a,b} # no comment', ['echo', '$HOME', '*.txt', '~', '{a,b}', '#', 'no', 'comment']],
    ['a|b && c > d', ['a|b', '&&', 'c', '>', 'd']],
    ['tail\\', ['tail\\']],
    ['grüße "日本 語"', ['grüße', '日本 語']],
  ])('%j is split as a shell does, and nothing is expanded', (line, words) => {
    expect(splitCommand(line)).toEqual(words);
  });

  it.each([`echo 'a`, `echo "a`, `echo "a\\"`, `'`, `a"`])('%j has unbalanced quotes', (line) => {
    expect(() => splitCommand(line)).toThrow(UnbalancedQuotes);
  });
});
