import { JOB_STATES } from '@task-engine/domain';
import { jobFilter } from './job-filter';
import { singleValues } from './request-parts';

describe('jobFilter', () => {
  it('asks for the last ten jobs by default', () => {
    expect(jobFilter({})).toMatchObject({
      limit: 10,
      orderBy: 'id',
      ascending: false,
      states: undefined,
      search: undefined,
    });
  });

  it('takes both names of the limit, and limit wins', () => {
    expect(jobFilter({ items: '3' }).limit).toBe(3);
    expect(jobFilter({ items: '3', limit: '4' }).limit).toBe(4);
    expect(jobFilter({ job_ids: '1, 2,3,4,5,6,7,8,9,10,11,' })).toMatchObject({
      limit: 11,
      ids: expect.arrayContaining(['1', '11']),
    });
    expect(jobFilter({ job_ids: '1,2', limit: '1' }).limit).toBe(1);
  });

  it.each([
    [{ state: '0' }, ['queued']],
    [{ state: '1' }, ['started']],
    [{ state: '2' }, ['completed']],
    [{ state: '3' }, ['pending']],
    [{ state: '4' }, ['broken']],
    [{ state: '5' }, ['scheduled']],
    [{ state: '6' }, ['paused']],
    [{ failed: '1' }, ['failed']],
    [{ failed: 'true', state: '2' }, ['failed']],
    [{ failed: '1', state: '1' }, []],
    [{ failed: '0', state: '2' }, ['completed']],
    [{ failed: 'false', state: '4' }, ['broken']],
    [{ failed: '0' }, JOB_STATES.filter((state) => state !== 'failed')],
  ])('reads %j as states %j', (query, states) => {
    expect(jobFilter(query as Record<string, string>).states).toEqual(states);
  });

  it('takes all of the last day, second or millisecond in', () => {
    expect(jobFilter({ from: '2020-09-24', to: '2020-09-24' })).toMatchObject({
      from: new Date('2020-09-24T00:00:00Z'),
      before: new Date('2020-09-25T00:00:00Z'),
    });
    expect(jobFilter({ to: '2020-09-24T11:55:33Z' }).before).toEqual(new Date('2020-09-24T11:55:34Z'));
    expect(jobFilter({ to: '2020-09-24T11:55:33.755' }).before).toEqual(new Date('2020-09-24T11:55:33.756Z'));
    expect(jobFilter({ from: '2020-09-24T11:55:33 02:00' }).from).toEqual(new Date('2020-09-24T09:55:33Z'));
  });

  it.each([
    { limit: '0' },
    { limit: '-1' },
    { limit: '10001' },
    { limit: '1e3' },
    { items: 'ten' },
    { order_by: 'parameters' },
    { order_by: 'id; drop table job' },
    { asc: '2' },
    { state: '7' },
    { state: 'queued' },
    { failed: 'yes' },
    { from: '2020-02-30' },
    { from: '2019-02-29T00:00:00.000' },
    { to: '2020-01-01T24:00:00' },
    { to: 'yesterday' },
    { job_ids: '1,abc' },
    { job_ids: ',' },
    { job_ids: '0' },
    { job_ids: '9007199254740993' },
    { persist: 'maybe' },
    { search: 'x'.repeat(1001) },
  ])('refuses %j and names the parameter', (query) => {
    expect(() => jobFilter(query as unknown as Record<string, string>)).toThrow(
      `Invalid parameter: ${Object.keys(query)[0]} must`,
    );
  });

  it('ignores what it does not know', () => {
    expect(jobFilter({ foo: 'bar', constructor: 'x' })).toEqual(jobFilter({}));
  });
});

describe('singleValues', () => {
  it('drops empty parameters and refuses repeated ones and text that cannot be stored', () => {
    expect(singleValues({ a: '', b: 'x' })).toEqual({ b: 'x' });
    expect(() => singleValues({ limit: ['1', '2'] })).toThrow('Invalid parameter: limit must be given once');
    expect(() => singleValues({ search: 'a\u0000' })).toThrow('The parameter search holds a NUL character');
  });
});
