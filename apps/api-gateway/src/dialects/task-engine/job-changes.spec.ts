import { jobChanges } from './job-changes';

describe('jobChanges', () => {
  it('reads the sample of the documents, numbers as strings, the client left out', () => {
    expect(jobChanges({ client: 'demo-client', priority: '2', run_at: '2020-09-09T14:30:00.000' })).toEqual({
      changes: { priority: 2, runAt: new Date('2020-09-09T14:30:00Z') },
      names: ['priority', 'run_at'],
    });
  });

  it('takes both spellings of the semaphore and null to remove it', () => {
    const url = 'https://example.com/go';
    expect(jobChanges({ sempahore_url: url })).toMatchObject({
      changes: { semaphoreUrl: url },
      names: ['sempahore_url'],
    });
    expect(jobChanges({ semaphore_url: null }).changes.semaphoreUrl).toBeNull();
    expect(jobChanges({ sempahore_url: null }).changes.semaphoreUrl).toBeNull();
    expect(jobChanges({ semaphore_url: url, sempahore_url: url }).changes.semaphoreUrl).toBe(url);
    expect(() => jobChanges({ semaphore_url: url, sempahore_url: `${url}2` })).toThrow('must be the same');
  });

  it('reads persist in every way a flag is written', () => {
    expect([true, 1, '1', 'true'].map((persist) => jobChanges({ persist }).changes.persist)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([false, 0, '0', 'false'].map((persist) => jobChanges({ persist }).changes.persist)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('finds nothing to do in a body of unknown fields', () => {
    expect(jobChanges({ client: 'a', workflow: 'noop', constructor: 'x' }).names).toEqual([]);
  });

  it.each([
    { queue_state: 'started' },
    { queue_state: 'flying' },
    { queue_state: 6 },
    { queue_state: null },
    { run_at: 5 },
    { run_at: null },
    { run_at: '2021-02-30T00:00:00' },
    { run_at: 'tomorrow' },
    { priority: 0 },
    { priority: 11 },
    { priority: 1.5 },
    { priority: '1.5' },
    { priority: null },
    { priority: [1] },
    { semaphore_url: '' },
    { semaphore_url: 'ftp://example.com' },
    { semaphore_url: 'http://example.com:99999/' },
    { semaphore_url: 'example.com' },
    { sempahore_url: 5 },
    { persist: 'maybe' },
    { persist: null },
    { client: 5, priority: 1 },
  ])('refuses %j and names the field', (body) => {
    expect(() => jobChanges(body)).toThrow(`Invalid parameter: ${Object.keys(body)[0]} must`);
  });
});
