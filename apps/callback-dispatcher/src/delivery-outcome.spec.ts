import { OutboundAborted, OutboundBlocked, OutboundTimeout } from '@task-engine/platform';

import { type Attempt, EVENT_TIMEOUT_SECONDS, outcomeOf, type RetryPolicy } from './delivery-outcome';
import { maskedUrl } from './masked-url';
import { retryAfterSeconds } from './retry-after';

const policy: RetryPolicy = { kind: 'callback', attempts: 3, firstRetrySeconds: 5, maxRetrySeconds: 3_600 };
const answer = (status: number, headers: Record<string, string> = {}): Attempt => ({
  kind: 'answer',
  status,
  headers,
  body: Buffer.alloc(0),
});
const decide = (result: Attempt, attempt = 1) => outcomeOf(result, attempt, policy, 0);

describe('the outcome of a try of a webhook', () => {
  const webhook = (status: number, attempt = 1) =>
    outcomeOf(answer(status, { 'retry-after': '60' }), attempt, { ...policy, kind: 'webhook', attempts: 4 });

  it.each([200, 204, 301, 399])('%i is success', (status) => {
    expect(webhook(status)).toMatchObject({ state: 'delivered', status });
  });

  it.each([400, 410, 429, 503])('%i is tried again after exactly 5, 10 and 20 s, and then given up', (status) => {
    const outcomes = [1, 2, 3, 4].map((attempt) => webhook(status, attempt));
    expect(outcomes.map(({ state, delaySeconds }) => [state, delaySeconds])).toEqual([
      ['pending', 5],
      ['pending', 10],
      ['pending', 20],
      ['exhausted', 0],
    ]);
  });
});

describe('the outcome of a try of an event', () => {
  const event = { ...policy, kind: 'event', attempts: 12, maxRetrySeconds: 21_600 } as const;

  it('is repeated twice within 30 s, then ever more rarely, until the tries are used up', () => {
    const outcomes = Array.from({ length: 12 }, (_, index) => outcomeOf(answer(500), index + 1, event, 0));
    expect(outcomes.map(({ delaySeconds }) => delaySeconds)).toEqual([
      5, 15, 120, 600, 3_600, 10_800, 21_600, 21_600, 21_600, 21_600, 21_600, 0,
    ]);
    expect(outcomes.at(-1)!.state).toBe('exhausted');
    expect(outcomeOf(answer(500), 2, event, 0.999).delaySeconds).toBeCloseTo(12, 0);
  });

  it('is repeated twice within 30 s of its first try also when nobody answers', () => {
    const late = { kind: 'error', error: new OutboundTimeout('late') } as const;
    const begins = [1, 2].reduce((at, attempt) => {
      const { delaySeconds } = outcomeOf(late, attempt, { ...event, tookSeconds: EVENT_TIMEOUT_SECONDS }, 0);
      return at + EVENT_TIMEOUT_SECONDS + delaySeconds;
    }, 0);
    expect(begins).toBeLessThan(30);
    expect(outcomeOf(late, 4, { ...event, tookSeconds: 10 }, 0).delaySeconds).toBe(590);
  });

  it('is gone at 410, waits as Retry-After says, and takes no redirect for success', () => {
    expect(outcomeOf(answer(410), 1, event).state).toBe('gone');
    expect(outcomeOf(answer(503, { 'retry-after': '90' }), 1, event).delaySeconds).toBe(90);
    expect(outcomeOf(answer(302), 1, event).state).toBe('pending');
  });
});

describe('the outcome of a try', () => {
  it.each([
    [200, 'delivered'],
    [299, 'delivered'],
    [301, 'pending'],
    [304, 'pending'],
    [400, 'pending'],
    [404, 'pending'],
    [410, 'gone'],
    [429, 'pending'],
    [500, 'pending'],
  ])('of an answer %i is %s', (status, state) => {
    expect(decide(answer(status)).state).toBe(state);
  });

  it('backs off from the first delay, doubling, and gives up after the last try', () => {
    expect([1, 2].map((attempt) => decide(answer(500), attempt).delaySeconds)).toEqual([5, 10]);
    expect(decide(answer(500), 3)).toMatchObject({
      state: 'exhausted',
      status: 500,
      error: 'the endpoint answered 500',
    });
  });

  it('is final for an address that is not allowed, a further try for a time-out, no try for a shutdown', () => {
    expect(decide({ kind: 'error', error: new OutboundBlocked('not allowed') })).toMatchObject({
      state: 'blocked',
      error: 'not allowed',
    });
    expect(decide({ kind: 'error', error: new OutboundTimeout('late') })).toMatchObject({
      state: 'pending',
      status: null,
      error: 'late',
    });
    expect(decide({ kind: 'error', error: new OutboundAborted('stop') }, 3).state).toBe('released');
    // a fault of our own tells the tenant nothing
    expect(decide({ kind: 'error', error: new Error('secret inside') }).error).toBe('the request could not be made');
  });

  it('takes Retry-After in place of the back-off, no longer than the maximum', () => {
    expect(decide(answer(503, { 'retry-after': '90' })).delaySeconds).toBe(90);
    expect(decide(answer(503, { 'retry-after': '999999' })).delaySeconds).toBe(3_600);
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  it.each([
    [{ 'retry-after': '120' }, 120],
    [{ 'retry-after': ' 0 ' }, 1],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT' }, 120],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT', date: 'Thu, 01 Jan 2026 00:01:30 GMT' }, 30],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 1],
    [{ 'retry-after': '-1' }, null],
    [{ 'retry-after': '1.5' }, null],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': 'Thu, 99 Foo 2026' }, null],
    [{}, null],
  ])('%j means %s seconds', (headers, seconds) => {
    expect(retryAfterSeconds(headers as Record<string, string>, now)).toBe(seconds);
  });
});

describe('a URL in a log', () => {
  it('shows where it goes and hides what may be a token', () => {
    expect(maskedUrl('https://user:pw@host.example:8443/a/b?token=abc&x=1&x=2#frag')).toBe(
      'https://host.example:8443/a/b?token=****&x=****',
    );
    expect(maskedUrl('http://host/plain')).toBe('http://host/plain');
    expect(maskedUrl('no url with secret')).toBe('(not a URL)');
  });
});
