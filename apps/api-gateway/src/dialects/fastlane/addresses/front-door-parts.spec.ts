import { acceptsGzip } from './accepts-gzip';
import { BasicAuth } from './basic-auth';
import { corsHeaders } from './cors';
import { htmlPage } from './html-page';

describe('acceptsGzip', () => {
  it.each(['gzip', 'GZIP', 'deflate, gzip', 'gzip;q=0.1', 'br;q=1, gzip ; q=0.5', '*', 'x-gzip', 'gzip;q=1;level=9'])(
    'wants it: %s',
    (header) => expect(acceptsGzip(header)).toBe(true),
  );

  it.each([undefined, '', 'identity', 'br, deflate', 'gzip;q=0', 'gzip;q=0.000, *', '*;q=0', 'gzipped', 'gzip;q=x'])(
    'does not want it: %s',
    (header) => expect(acceptsGzip(header)).toBe(false),
  );
});

describe('BasicAuth', () => {
  const configured = (name?: string, password?: string, realm?: string) =>
    new BasicAuth({
      FASTLANE_BASIC_AUTH_USERNAME: name,
      FASTLANE_BASIC_AUTH_PASSWORD: password,
      FASTLANE_BASIC_AUTH_REALM: realm,
    });
  const header = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  it('lets everybody pass where nothing is configured', () => {
    expect(configured().allows(undefined)).toBe(true);
  });

  it('wants the name and the password, which may hold colons and anything else', () => {
    const auth = configured('ann', 'pä:ss wörd');
    expect(auth.allows(header('ann:pä:ss wörd'))).toBe(true);
    expect(auth.allows(header('ann:pä:ss wörd').replace('Basic', 'BASIC  '))).toBe(true);
    for (const wrong of ['ann:', 'ann', ':pä:ss wörd', 'ann:pä:ss wörd ', 'Ann:pä:ss wörd', '', ':'])
      expect(auth.allows(header(wrong))).toBe(false);
    for (const wrong of [undefined, '', 'Basic', 'Basic ', 'Bearer x', 'Basic ***', `Basic ${'A'.repeat(100_000)}`])
      expect(auth.allows(wrong)).toBe(false);
  });

  it('names its realm', () => {
    expect(configured('a', 'b').challenge).toBe('Basic realm=""');
    expect(configured('a', 'b', 'the "farm"').challenge).toBe('Basic realm="the \\"farm\\""');
  });
});

describe('corsHeaders', () => {
  const origin = 'https://page.example';
  const request = (method: string, headers: object) => ({ method, headers: { ...headers } });

  it('allows every origin by its name, and everybody where none is named', () => {
    expect(corsHeaders(['*'], request('GET', {}))).toEqual({ 'access-control-allow-origin': '*' });
    expect(corsHeaders(['*'], request('GET', { origin }))).toEqual({ 'access-control-allow-origin': origin });
  });

  it('allows only the origins that are listed', () => {
    expect(corsHeaders([origin], request('GET', { origin }))).toEqual({ 'access-control-allow-origin': origin });
    expect(corsHeaders([origin], request('GET', { origin: 'https://other.example' }))).toEqual({});
    expect(corsHeaders([origin], request('GET', {}))).toEqual({});
  });

  it('answers a preflight with the methods and the headers that it asks for', () => {
    const preflight = { origin, 'access-control-request-method': 'PUT' };
    expect(corsHeaders(['*'], request('OPTIONS', preflight))).toEqual({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
    });
    expect(
      corsHeaders(['*'], request('OPTIONS', { ...preflight, 'access-control-request-headers': 'x-a, content-type' })),
    ).toMatchObject({ 'access-control-allow-headers': 'x-a, content-type' });
    expect(corsHeaders([origin], request('OPTIONS', { ...preflight, origin: 'null' }))).toEqual({});
  });
});

describe('htmlPage', () => {
  it('has the status in its title, and escapes the address that it names', () => {
    expect(htmlPage(404)).toContain('<title>404 Not Found</title>');
    const page = htmlPage(308, `http://host/"><script>alert('1')</script>`);
    expect(page).toContain('<title>308 Permanent Redirect</title>');
    expect(page).not.toContain('<script');
    expect(page).not.toContain('"><');
  });
});
