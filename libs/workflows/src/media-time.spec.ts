import { DomainError } from '@task-engine/domain';
import { parseInstant, parseMediaTime } from './media-time';

describe('instants', () => {
  it.each([
    ['2024-01-31T10:00:00', '2024-01-31T10:00:00.000Z'],
    ['2024-01-31T10:00:00Z', '2024-01-31T10:00:00.000Z'],
    ['2024-01-31T10:00:00.2', '2024-01-31T10:00:00.200Z'],
    ['2024-01-31T10:00:00.029Z', '2024-01-31T10:00:00.029Z'],
    ['2024-01-31T10:00:00.999999', '2024-01-31T10:00:00.999Z'],
    ['2024-02-29T23:59:59.123Z', '2024-02-29T23:59:59.123Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, iso) => {
    expect(parseInstant(text).toISOString()).toBe(iso);
  });

  it.each([
    '2024-02-30T10:00:00Z',
    '2023-02-29T10:00:00Z',
    '2024-13-01T10:00:00Z',
    '2024-00-10T10:00:00Z',
    '2024-01-31T24:00:00Z',
    '2024-01-31T10:60:00Z',
    '2024-01-31T10:00:60Z',
    '0000-01-01T00:00:00Z',
    '2024-01-31',
    '2024-01-31 10:00:00',
    '2024-01-31T10:00:00+02:00',
    '2024-01-31T10:00:00.Z',
    ' 2024-01-31T10:00:00Z',
    'tomorrow',
    '',
    1706695200,
    null,
    {},
  ])('%j is none', (value) => {
    expect(() => parseInstant(value, 'job.run_at')).toThrow(DomainError);
    expect(() => parseInstant(value, 'job.run_at')).toThrow('Invalid parameter: job.run_at must be a UTC time');
  });
});

describe('media times', () => {
  it.each([
    [12.5, 12.5],
    ['12.5', 12.5],
    [0, 0],
    ['0:07.04', 7.04],
    ['00:00:07.0400000', 7.04],
    ['01:02:03', 3723],
    ['90:00', 5400],
    ['7.0400004', 7.04],
    ['7.0400006', 7.040001],
  ])('%j is an offset of %d s', (value, seconds) => {
    expect(parseMediaTime(value)).toEqual({ kind: 'offset', seconds });
  });

  it('reads instants to the micro-second', () => {
    expect(parseMediaTime('2024-01-01T10:00:10.2')).toEqual({ kind: 'instant', epochSeconds: 1704103210.2 });
    expect(parseMediaTime('1970-01-01T00:00:01.0000014Z')).toEqual({ kind: 'instant', epochSeconds: 1.000001 });
  });

  it.each([-1, '-1', '1:60', '1:60:00', '', 'x', '1e3', true, null, [1], Infinity, '2024-02-30T00:00:00Z'])(
    '%j is none',
    (value) => {
      expect(() => parseMediaTime(value, 'clips[0].start')).toThrow('Invalid parameter: clips[0].start must be a time');
    },
  );
});
