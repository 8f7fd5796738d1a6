import { LogPosition } from './log-position';

const read = (position: LogPosition, ...chunks: string[]): string => {
  const reading = position.reading();
  return chunks.flatMap((chunk) => reading(Buffer.from(chunk))).join('');
};

describe('the position in a log', () => {
  it('hands everything over once when the log is read again and again', () => {
    const position = new LogPosition(0);
    expect(read(position, 'one\n', 'tw')).toBe('one\ntw');
    expect(read(position, 'one', '\ntwo\nthr')).toBe('o\nthr');
    expect(read(position, 'o')).toBe('');
    expect(read(position, 'one\ntwo\nthree\n')).toBe('ee\n');
  });

  it('leaves out what another worker has handed over', () => {
    const position = new LogPosition(5);
    expect(read(position, 'one', '\ntwo\n')).toBe('wo\n');
    expect(read(position, 'one\ntwo\nthree\n')).toBe('three\n');
  });

  it('goes on leaving out when the log broke off before what is new', () => {
    const position = new LogPosition(5);
    expect(read(position, 'one')).toBe('');
    expect(read(position, 'one\ntwo\n')).toBe('wo\n');
  });

  it('counts far beyond the bytes by which it knows the log', () => {
    const position = new LogPosition(0);
    const long = 'x'.repeat(10_000);
    expect(read(position, long)).toHaveLength(10_000);
    expect(read(position, long, 'tail')).toBe('tail');
  });

  it('hands over all of a log that begins otherwise than before: its node has begun a new file', () => {
    const position = new LogPosition(0);
    read(position, 'line 1\nline 2\n');
    expect(read(position, 'line 3\n', 'line 4\n')).toBe('line 3\nline 4\n');
    expect(read(position, 'line 3\nline 4\nline 5\n')).toBe('line 5\n');
  });

  it('loses nothing of a new file that begins in the middle of a chunk like the old one', () => {
    const position = new LogPosition(0);
    read(position, 'line 1\nline 2\n');
    expect(read(position, 'li', 'ne', ' 3\n')).toBe('line 3\n');
  });

  it('does not take for output what the node says of a log that it has removed', () => {
    const position = new LogPosition(0);
    read(position, 'line 1\n');
    expect(read(position, 'unable to retrieve container logs for containerd://1f2e', '3d')).toBe('');
  });

  it('takes the same words for output when the command wrote them', () => {
    const position = new LogPosition(0);
    expect(read(position, 'unable to retrieve container logs for me\n')).toMatch(/^unable/);
  });
});
