import { createHmac, generateKeyPairSync } from 'node:crypto';
import type { GatewayConfiguration, Log } from '@task-engine/platform';
import { sign } from 'jsonwebtoken';
import { Refusal } from '../http/refusal';
import { BearerTokens } from './bearer-tokens';

const SECRET = 'a secret of the tests, longer than 32 bytes';
const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const foreign = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const PUBLIC_KEY = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();

const warnings: string[] = [];
const log = { warn: (message: string) => void warnings.push(message) } as unknown as Log;
const tokens = (configuration: Partial<GatewayConfiguration>) =>
  new BearerTokens(configuration as GatewayConfiguration, log);
const now = () => Math.floor(Date.now() / 1_000);
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** With whatever header, signed by HMAC with whatever key. */
function forged(header: object, payload: object, key: string | Buffer, hash = 'sha256'): string {
  const content = `${part(header)}.${part(payload)}`;
  return `${content}.${createHmac(hash, key).update(content).digest('base64url')}`;
}

function refusalOf(read: () => unknown): Refusal {
  try {
    read();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('BearerTokens with a secret', () => {
  const bearer = tokens({ JWT_SECRET: SECRET });
  const accepts = (payload: object) => bearer.read(sign(payload, SECRET));
  const refuses = (token: string) => refusalOf(() => bearer.read(token));

  it('reads the client and the role; without one all is allowed', () => {
    expect(accepts({ sub: 'acme' })).toEqual({ client: 'acme', role: 'admin' });
    for (const role of ['read', 'write', 'admin'])
      expect(accepts({ sub: 'acme', role })).toEqual({ client: 'acme', role });
  });

  it('honours exp and nbf with 60 s of skew', () => {
    expect(accepts({ sub: 'acme', exp: now() - 50, nbf: now() + 50 }).client).toBe('acme');
    expect(refuses(sign({ sub: 'acme', exp: now() - 70 }, SECRET)).message).toContain('expired');
    expect(refuses(sign({ sub: 'acme', nbf: now() + 70 }, SECRET)).message).toContain('not valid yet');
    for (const claim of ['exp', 'nbf'])
      expect(refuses(forged({ alg: 'HS256' }, { sub: 'acme', [claim]: 'tomorrow' }, SECRET)).status).toBe(401);
  });

  it.each([{}, { sub: '' }, { sub: 7 }, { sub: ['acme'] }, { sub: { name: 'acme' } }])(
    'refuses %j, which names nobody',
    (payload) => expect(refuses(forged({ alg: 'HS256' }, payload, SECRET)).status).toBe(401),
  );

  it.each([
    ['alg none', `${part({ alg: 'none' })}.${part({ sub: 'acme' })}.`],
    ['alg None', `${part({ alg: 'None' })}.${part({ sub: 'acme' })}.`],
    ['alg none with a signature', forged({ alg: 'none' }, { sub: 'acme' }, SECRET)],
    ['no alg', forged({}, { sub: 'acme' }, SECRET)],
    ['another HMAC', forged({ alg: 'HS512' }, { sub: 'acme' }, SECRET, 'sha512')],
    ['another secret', forged({ alg: 'HS256' }, { sub: 'acme' }, 'another')],
    ['an empty secret', forged({ alg: 'HS256' }, { sub: 'acme' }, '')],
    ['no signature', forged({ alg: 'HS256' }, { sub: 'acme' }, SECRET).replace(/[^.]*$/, '')],
    ['a foreign key by its kid', forged({ alg: 'HS256', kid: '/dev/null' }, { sub: 'acme' }, '')],
    ['a key that it brings itself', forged({ alg: 'HS256', jwk: { kty: 'oct', k: 'YQ' } }, { sub: 'acme' }, 'a')],
    ['extensions', forged({ alg: 'HS256', crit: ['b64'], b64: true }, { sub: 'acme' }, SECRET)],
    ['an RSA signature', sign({ sub: 'acme' }, foreign.privateKey, { algorithm: 'RS256' })],
    ['claims that are no object', forged({ alg: 'HS256' }, 'acme' as unknown as object, SECRET)],
    ['no JSON', `${Buffer.from('x').toString('base64url')}.${part({ sub: 'acme' })}.eA`],
  ])('refuses a token with %s', (_, token) => {
    const refusal = refuses(token);
    expect(refusal).toMatchObject({ code: 'unauthorized', status: 401 });
    expect(refusal.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  it('gives nothing on a kid: there is one key', () => {
    expect(bearer.read(sign({ sub: 'acme' }, SECRET, { keyid: 'whatever' })).client).toBe('acme');
  });

  it('warns of a secret that can be guessed', () => {
    expect(warnings).toEqual([]);
    tokens({ JWT_SECRET: 'short' });
    expect(warnings.splice(0)).toHaveLength(1);
  });
});

describe('BearerTokens with a public key', () => {
  const bearer = tokens({ JWT_PUBLIC_KEY: PUBLIC_KEY });
  const signed = (key = pair.privateKey, algorithm: 'RS256' | 'RS512' | 'PS256' = 'RS256') =>
    sign({ sub: 'acme' }, key, { algorithm });

  it('reads what its owner has signed', () => {
    expect(bearer.read(signed())).toEqual({ client: 'acme', role: 'admin' });
  });

  it.each([
    ['the public key as a secret', forged({ alg: 'HS256' }, { sub: 'acme' }, PUBLIC_KEY)],
    ['the same without its last new line', forged({ alg: 'HS256' }, { sub: 'acme' }, PUBLIC_KEY.trim())],
    ['the public key as a secret under RS256', forged({ alg: 'RS256' }, { sub: 'acme' }, PUBLIC_KEY)],
    ['a foreign key', signed(foreign.privateKey)],
    ['another RSA algorithm', signed(pair.privateKey, 'RS512')],
    ['PSS', signed(pair.privateKey, 'PS256')],
    ['alg none', `${part({ alg: 'none' })}.${part({ sub: 'acme' })}.`],
  ])('refuses a token signed with %s', (_, token) => {
    expect(refusalOf(() => bearer.read(token))).toMatchObject({ code: 'unauthorized', status: 401 });
  });
});

describe('BearerTokens without a key', () => {
  it('accepts none, and says so', () => {
    const refusal = refusalOf(() => tokens({}).read(sign({ sub: 'acme' }, 'undefined')));
    expect(refusal).toMatchObject({ status: 401, message: 'Bearer tokens are not accepted here: use an API key' });
  });
});
