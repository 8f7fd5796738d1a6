import { Refusal } from '../http/refusal';
import { readAuthorization } from './authorization';

const read = (...headers: string[]) => readAuthorization(headers);

function refusalOf(...headers: string[]): Refusal {
  try {
    read(...headers);
  } catch (error) {
    return error as Refusal;
  }
  throw new Error('accepted');
}

describe('readAuthorization', () => {
  it('reads keys and tokens, the scheme in any case', () => {
    for (const scheme of ['ApiKey', 'apikey', 'APIKEY'])
      expect(read(`${scheme} demo-key`)).toEqual({ key: 'demo-key' });
    expect(read('ApiKey  demo-key ')).toEqual({ key: 'demo-key' });
    expect(read('Bearer a.b.c')).toEqual({ jwt: 'a.b.c' });
    expect(read('bearer a.b.')).toEqual({ jwt: 'a.b.' });
    expect(read('Bearer tet_abc')).toEqual({ taskToken: 'tet_abc' });
  });

  it.each(['', 'ApiKey', 'ApiKey ', 'demo-key', 'Basic YTpi', 'ApiKey a b', 'Token demo-key'])(
    'refuses %j and says how it is done',
    (header) => {
      const refusal = refusalOf(header);
      expect(refusal).toMatchObject({ code: 'unauthorized', status: 401 });
      expect(refusal.headers['www-authenticate']).toBe('ApiKey realm="api", Bearer realm="api"');
    },
  );

  it('refuses none, and two: whose it is would be a matter of who reads it', () => {
    for (const headers of [[], ['ApiKey one', 'ApiKey two'], ['ApiKey one', 'ApiKey one']])
      expect(refusalOf(...headers)).toMatchObject({ code: 'unauthorized', status: 401 });
    expect(() => readAuthorization(undefined)).toThrow();
  });

  it.each(['demo-key', 'a.b', 'a.b.c.d', 'a.b.c!', '..'])('takes no bearer token %j for a JWT', (token) => {
    expect(refusalOf(`Bearer ${token}`).headers['www-authenticate']).toMatch(/error="invalid_token"$/);
  });
});
