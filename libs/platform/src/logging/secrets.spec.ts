import { isSecretKey, maskSecret, maskText, redact } from './secrets';

describe('secrets', () => {
  it('keep their last four characters and their length, as the job log of the Task Engine document shows them', () => {
    expect(maskSecret('0123456789abcdef0123456789abcdef3e2d')).toBe('********************************3e2d');
    expect(maskSecret('12345678')).toBe('********');
    expect(maskSecret('')).toBe('');
  });

  it.each([
    'api-key',
    'HTTP_API_KEY',
    'X-Auth-Key',
    'x-api-key',
    'Authorization',
    'Cookie',
    'set-cookie',
    'client_secret',
    'dbPassword',
    'accessToken',
    'key',
  ])('are recognised under the name %s', (name) => expect(isSecretKey(name)).toBe(true));

  it.each(['client', 'content_id', 'keyframe', 'monkey', 'author', 'passage', 'jobId'])(
    'are not suspected under the name %s',
    (name) => expect(isSecretKey(name)).toBe(false),
  );

  it('are masked in a copy, and the original stays', () => {
    const original = {
      headers: { HTTP_API_KEY: 'abcdefghijkl3e2d', HTTP_HOST: 'x' },
      password: { nested: 1 },
      token: null,
      when: new Date(0),
    };
    expect(redact(original)).toEqual({
      headers: { HTTP_API_KEY: '************3e2d', HTTP_HOST: 'x' },
      password: '****',
      token: null,
      when: new Date(0),
    });
    expect(original.headers.HTTP_API_KEY).toBe('abcdefghijkl3e2d');
  });

  it('are taken out of texts: user part of URLs, bearer and API keys', () => {
    expect(maskText('GET http://u:p@h/a?b=c@d')).toBe('GET http://****@h/a?b=c@d');
    expect(maskText('http://h/a?b=c&token=t0k3n&d=e#x and http://h/?sig=x')).toBe(
      'http://h/a?b=c&token=****&d=e#x and http://h/?sig=****',
    );
    expect(maskText('what is a?key and why=because')).toBe('what is a?key and why=because');
    expect(maskText('Authorization: Bearer abcdefgh.ijk')).toBe('Authorization: Bearer ****');
    expect(maskText('a basic thing')).toBe('a basic thing');
    expect(maskText('mail me@example.com')).toBe('mail me@example.com');
  });

  it('do not let __proto__ keys through', () => {
    const shown = redact(JSON.parse('{"__proto__":{"polluted":true}}')) as Record<string, unknown>;
    expect(shown.polluted).toBeUndefined();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
