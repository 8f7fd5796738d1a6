import { checkExact } from './exact-delivery';

describe('checkExact', () => {
  it('takes each id once, in any order', () => {
    expect(checkExact(['1', '2', '3'], ['3', '1', '2'])).toBe('checked: 3 jobs, each run once');
  });

  it.each([
    ['missing', ['1', '2'], '1 missing, 0 doubled, 0 unknown'],
    ['doubled', ['1', '2', '3', '3'], '0 missing, 1 doubled, 0 unknown'],
    ['unknown', ['1', '2', '3', '4'], '0 missing, 0 doubled, 1 unknown'],
  ])('refuses an id that is %s', (_, ran, message) => {
    expect(() => checkExact(['1', '2', '3'], ran)).toThrow(message);
  });
});
