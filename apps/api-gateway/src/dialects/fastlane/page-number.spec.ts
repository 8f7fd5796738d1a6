import { readPage } from './page-number';

describe('readPage', () => {
  it.each([
    [undefined, 1],
    ['1', 1],
    ['01', 1],
    ['20', 20],
    [['2', 'x'], 2],
    ['9'.repeat(400), 1_000_000_000],
  ])('reads %j as %j', (value, page) => expect(readPage(value)).toBe(page));

  it.each(['', '0', '00', '-1', '1.5', '1e3', 'x', ' ', '+1', '１', '1\n', ['x', '2'], {}])('refuses %j', (value) =>
    expect(readPage(value)).toBeUndefined(),
  );
});
