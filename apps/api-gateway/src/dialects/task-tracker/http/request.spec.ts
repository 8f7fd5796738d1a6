import { envelope, Refusal } from './answer';
import { comesFromAnotherSite, pathId, readInt64, sessionOf, workerHeaders } from './request';

const SECRET = 'ftZVO4w9Fc7bDuOISRaJL9P92ijkfvNah1Ldgc0a9f8=';

describe('readInt64', () => {
  it.each([
    ['7', 7n],
    ['+1', 1n],
    ['-1', -1n],
    ['01', 1n],
    ['0', 0n],
    ['-0', 0n],
    [`${'0'.repeat(500)}12`, 12n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
  ])('reads %s', (text, value) => expect(readInt64(text)).toBe(value));

  it.each(['', ' 1', '1 ', '1.0', '1e2', '0x1', 'abc', '+', '-', '--1', '1_000', '١'])('does not read %j', (text) =>
    expect(readInt64(text)).toBe('invalid syntax'),
  );

  it.each(['9223372036854775808', '-9223372036854775809', '9'.repeat(1_000)])('does not keep %s', (text) =>
    expect(readInt64(text)).toBe('value out of range'),
  );

  it('is what ids of paths are read with', () => {
    expect(pathId('99999999999', 'Invalid worker id')).toBe(99_999_999_999n);
    expect(() => pathId('x', 'Invalid worker id')).toThrow(new Refusal(400, 'Invalid worker id'));
  });
});

describe('workerHeaders', () => {
  const read = (id?: string, secret?: string) => workerHeaders({ headers: { 'x-worker-id': id, 'x-secret': secret } });

  it('reads the id and the secret', () => {
    expect(read('1', SECRET)).toEqual({ id: 1n, secret: Buffer.from(SECRET, 'base64') });
  });

  it('says what is missing or wrong, in the order in which clients know it', () => {
    expect(read()).toEqual({ fault: 'worker id not specified' });
    expect(read('', SECRET)).toEqual({ fault: 'worker id not specified' });
    expect(read('abc')).toEqual({ fault: 'secret is not specified' });
    expect(read('abc', '')).toEqual({ fault: 'secret is not specified' });
    expect(read('abc', SECRET)).toEqual({ fault: 'strconv.ParseInt: parsing "abc": invalid syntax' });
    expect(read('99999999999999999999', SECRET)).toEqual({
      fault: 'strconv.ParseInt: parsing "99999999999999999999": value out of range',
    });
  });

  it.each(['None', SECRET.slice(0, -1), `${SECRET}x`, SECRET.replace('4', '-'), `${SECRET} `, '====', 'é'])(
    'takes no secret from %j',
    (secret) => {
      const given = read('1', secret);
      // four letters are base64, of a secret that is too short
      expect(given).toEqual({ id: 1n, secret: Buffer.from(secret === 'None' ? secret : '', 'base64') });
    },
  );
});

describe('sessionOf', () => {
  const read = (cookie?: string) => sessionOf({ headers: { cookie } }, 'tt');

  it('finds the cookie among others', () => {
    expect(read('tt=abc')).toBe('abc');
    expect(read('a=b; tt=abc; ttt=x')).toBe('abc');
    expect(read('xtt=1;tt=abc=')).toBe('abc=');
  });

  it.each([undefined, '', 'tt', 'tt=', 'a=tt', 'TT=abc', ';;='])('finds none in %j', (cookie) =>
    expect(read(cookie)).toBeUndefined(),
  );
});

describe('comesFromAnotherSite', () => {
  const asked = (headers: Record<string, string>) => comesFromAnotherSite({ headers, host: 'tracker.example:3010' });

  it('believes what browsers say of themselves', () => {
    expect(asked({ 'sec-fetch-site': 'cross-site' })).toBe(true);
    expect(asked({ 'sec-fetch-site': 'cross-site', origin: 'http://tracker.example:3010' })).toBe(true);
    // behind a proxy that changes the name of the host
    expect(asked({ 'sec-fetch-site': 'same-origin', origin: 'https://public.example' })).toBe(false);
    expect(asked({ 'sec-fetch-site': 'none' })).toBe(false);
  });

  it('compares the origin of the page otherwise', () => {
    expect(asked({})).toBe(false);
    expect(asked({ origin: 'http://tracker.example:3010' })).toBe(false);
    for (const origin of ['http://evil.example', 'http://tracker.example', 'null', '', 'http://tracker.example:30100'])
      expect(asked({ origin })).toBe(true);
    expect(asked({ 'sec-fetch-site': 'same-site', origin: 'http://other.example' })).toBe(true);
  });
});

describe('envelope', () => {
  it('has its keys in order and leaves out what is empty', () => {
    expect(JSON.stringify(envelope(false, { content: { a: 1 }, message: 'no', rateLimitDelay: 0.5 }))).toBe(
      '{"ok":false,"message":"no","rate_limit_delay":0.5,"content":{"a":1}}',
    );
    expect(JSON.stringify(envelope(true, { message: '', rateLimitDelay: 0 }))).toBe('{"ok":true}');
  });
});
