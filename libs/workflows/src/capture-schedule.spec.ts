import { captureSchedule } from './capture-schedule';

const now = new Date('2030-01-01T12:00:00Z');
const at = (offset: number): string => new Date(now.getTime() + offset * 1000).toISOString();
const plus = (offset: number): Date => new Date(now.getTime() + offset * 1000);
const run = (clips: object[], submitted: Date | null = null, continuous = false): Date | null =>
  captureSchedule(JSON.parse(JSON.stringify({ clips, continuous })), submitted, now);

describe('schedule of captures', () => {
  it.each([
    ['an end in the past', [{ start: at(-200), end: at(-100) }], null, null],
    ['an end in the past, run_at given', [{ end: at(-100) }], plus(50), plus(50)],
    ['no end', [{ start: at(100) }], null, null],
    ['an end in the future', [{ end: at(3600) }], null, plus(3600)],
    ['an end in the future, run_at later', [{ end: at(3600) }], plus(7200), plus(7200)],
    ['an end in the future, run_at earlier', [{ end: at(3600) }], plus(600), plus(3600)],
    ['several clips: the furthest end', [{ end: at(60) }, { end: at(3600) }, { end: at(-5) }], null, plus(3600)],
    ['offsets, which never count', [{ start: 5, end: 4102444800 }, { end: '23:59:59' }], null, null],
    ['offsets beside instants', [{ end: 999999 }, { end: at(30) }], null, plus(30)],
  ])('%s', (_name, clips, submitted, expected) => {
    expect(run(clips, submitted)).toEqual(expected);
  });

  it.each([
    ['80 s of 100 s', [{ start: at(0), end: at(100) }], null, plus(80)],
    ['the start of less than 60 s', [{ start: at(0), end: at(50) }], null, plus(0)],
    ['the start of less than 60 s, yet to come', [{ start: at(500), end: at(559) }], null, plus(500)],
    ['80 % from the submission when there is no start', [{ end: at(100) }], null, plus(80)],
    [
      'the earliest start counts',
      [
        { start: at(50), end: at(100) },
        { start: at(0), end: at(60) },
      ],
      null,
      plus(80),
    ],
    ['run_at as given', [{ start: at(0), end: at(100) }], plus(7), plus(7)],
    ['an end in the past changes nothing', [{ end: at(-1) }], null, null],
  ])('continuous: %s', (_name, clips, submitted, expected) => {
    expect(run(clips, submitted, true)).toEqual(expected);
  });

  it.each([[{ start: 10, end: 10 }], [{ start: '0:20', end: '0:10' }], [{ start: at(10), end: at(5) }]])(
    'refuses %j: end is not after start',
    (clip) => {
      expect(() => run([{ start: 1 }, clip])).toThrow('Invalid parameter: clips[1].end must be later than start');
    },
  );

  it('does not compare an offset with an instant', () => {
    expect(run([{ start: 1e6, end: at(-5) }])).toBeNull();
  });
});
