import { Refusal } from '../http/refusal';
import { readAuthorization } from './authorization';

function refusalOf(header: string | undefined): Refusal {
  try {
    readAuthorization(header);
  } catch (error) {
    return error as Refusal;
  }
  throw new Error('accepted');
}

describe('readAuthorization', () => {
  it('reads keys and tokens, the scheme in any case', () => {
    for (const scheme of ['ApiKey', 'apikey', 'APIKEY'])
      expect(readAuthorization(`${scheme} demo-key`)).toEqual({ key: 'demo-key' });
    expect(readAuthorization('ApiKey  demo-key ')).toEqual({ key: 'demo-key' });
    expect(readAuthorization('Bearer a.b.c')).toEqual({ jwt: 'a.b.c' });
    expect(readAuthorization('bearer a.b.')).toEqual({ jwt: 'a.b.' });
    expect(readAuthorization('Bearer tet_abc')).toEqual({ taskToken: 'tet_abc' });
  });

  it.each([undefined, '', 'ApiKey', 'ApiKey ', 'demo-key', 'Basic YTpi', 'ApiKey a b', 'Token demo-key'])(
    'refuses %j and says how it is done',
    (header) => {
      const refusal = refusalOf(header);
      expect(refusal).toMatchObject({ code: 'unauthorized', status: 401 });
      expect(refusal.headers['www-authenticate']).toBe('ApiKey realm="api", Bearer realm="api"');
    },
  );

  it.each(['demo-key', 'a.b', 'a.b.c.d', 'a.b.c!', '..'])('takes no bearer token %j for a JWT', (token) => {
    expect(refusalOf(`Bearer ${token}`).headers['www-authenticate']).toMatch(/error="invalid_token"$/);
  });
});
