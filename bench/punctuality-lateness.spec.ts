import { latenessOf } from './punctuality-lateness';
import type { Moment } from './punctuality-peer';

const due: Moment[] = [
  ['a', 1_000],
  ['b', 2_000],
];

describe('latenessOf', () => {
  it('is the time from the due time to the start', () => {
    expect(
      latenessOf(due, [
        ['b', 2_030],
        ['a', 1_000],
      ]).milliseconds,
    ).toEqual([0, 30]);
  });

  it.each<[string, Moment[]]>([
    [
      '1 early',
      [
        ['a', 998],
        ['b', 2_000],
      ],
    ],
    [
      '1 doubled',
      [
        ['a', 1_001],
        ['a', 1_002],
        ['b', 2_000],
      ],
    ],
    ['1 missed', [['a', 1_001]]],
    [
      '1 unknown',
      [
        ['a', 1_001],
        ['b', 2_000],
        ['c', 3_000],
      ],
    ],
  ])('refuses %s', (fault, starts) => {
    expect(() => latenessOf(due, starts)).toThrow(fault);
  });
});
