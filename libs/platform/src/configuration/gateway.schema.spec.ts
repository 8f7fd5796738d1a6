import { generateKeyPairSync } from 'node:crypto';
import { gatewaySchema } from './gateway.schema';
import { ConfigurationError, type Environment, loadConfiguration } from './load-configuration';

const servers = { DATABASE_URL: 'postgres://localhost/a', REDIS_URL: 'redis://localhost' };

const load = (env: Environment) => loadConfiguration(gatewaySchema, { ...servers, ...env });

function faultsOf(env: Environment): string[] {
  try {
    load(env);
  } catch (error) {
    return (error as ConfigurationError).faults.map(({ variable, message }) => `${variable} ${message}`);
  }
  return [];
}

describe("fastlane's variables", () => {
  it('are all optional', () => {
    const configuration = load({});
    expect(configuration).toMatchObject({
      FASTLANE_DEBUG: false,
      FASTLANE_PER_PAGE: 10,
      FASTLANE_CORS_ORIGINS: ['*'],
      FASTLANE_HARD_TIMEOUT_SECONDS: 1800,
      FASTLANE_ENV_BLACKLIST: ['password', 'key', 'secret', 'client_id'],
    });
    for (const name of ['PORT', 'BASIC_AUTH_USERNAME', 'BASIC_AUTH_PASSWORD', 'BASIC_AUTH_REALM', 'SERVER_NAME'])
      expect(configuration).not.toHaveProperty(`FASTLANE_${name}`);
  });

  it('take a port, 0 for a free one', () => {
    expect(load({ FASTLANE_PORT: '10000' }).FASTLANE_PORT).toBe(10_000);
    expect(load({ FASTLANE_PORT: '0' }).FASTLANE_PORT).toBe(0);
    expect(load({ FASTLANE_PORT: '' }).FASTLANE_PORT).toBeUndefined();
    for (const FASTLANE_PORT of ['x', '-1', '65536']) expect(faultsOf({ FASTLANE_PORT })).toHaveLength(1);
  });

  it('want a name and a password, or neither', () => {
    const [FASTLANE_BASIC_AUTH_USERNAME, FASTLANE_BASIC_AUTH_PASSWORD] = ['ann', 'hunter2'];
    expect(faultsOf({ FASTLANE_BASIC_AUTH_USERNAME, FASTLANE_BASIC_AUTH_PASSWORD })).toEqual([]);
    expect(faultsOf({ FASTLANE_BASIC_AUTH_USERNAME })).toEqual([
      'FASTLANE_BASIC_AUTH_PASSWORD must be set, since FASTLANE_BASIC_AUTH_USERNAME is',
    ]);
    expect(faultsOf({ FASTLANE_BASIC_AUTH_PASSWORD })).toEqual([
      'FASTLANE_BASIC_AUTH_USERNAME must be set, since FASTLANE_BASIC_AUTH_PASSWORD is',
    ]);
    expect(faultsOf({ FASTLANE_BASIC_AUTH_USERNAME: 'a:b', FASTLANE_BASIC_AUTH_PASSWORD })).toEqual([
      'FASTLANE_BASIC_AUTH_USERNAME must not hold a colon',
    ]);
  });

  it('take the name of a server, not its URL', () => {
    expect(faultsOf({ FASTLANE_SERVER_NAME: 'fastlane.example:10000' })).toEqual([]);
    for (const FASTLANE_SERVER_NAME of ['http://fastlane', 'a/b', 'a b'])
      expect(faultsOf({ FASTLANE_SERVER_NAME })).toHaveLength(1);
  });
});

describe("task_tracker's variables", () => {
  it('are all optional', () => {
    const configuration = load({});
    expect(configuration).toMatchObject({
      TASK_TRACKER_COOKIE_NAME: 'tt',
      TASK_TRACKER_COOKIE_SAME_SITE: 'Lax',
      TASK_TRACKER_COOKIE_SECURE: false,
      TASK_TRACKER_SESSION_SECONDS: 28_800,
      TASK_TRACKER_RECLAIM_SECONDS: 300,
      TASK_TRACKER_WEBHOOK_HASH: 'sha256',
      TASK_TRACKER_WEBHOOK_HEADER: 'X-Gogs-Signature',
    });
    expect(configuration).not.toHaveProperty('TASK_TRACKER_PORT');
  });

  it('take what upstream is configured with', () => {
    expect(
      load({
        TASK_TRACKER_PORT: '3010',
        TASK_TRACKER_COOKIE_NAME: 'tt_test',
        TASK_TRACKER_SESSION_SECONDS: '1500',
        TASK_TRACKER_WEBHOOK_HASH: 'sha1',
        TASK_TRACKER_WEBHOOK_HEADER: 'X-Hub-Signature',
      }),
    ).toMatchObject({
      TASK_TRACKER_PORT: 3010,
      TASK_TRACKER_COOKIE_NAME: 'tt_test',
      TASK_TRACKER_SESSION_SECONDS: 1500,
    });
  });

  it.each([
    { TASK_TRACKER_PORT: 'x' },
    { TASK_TRACKER_COOKIE_NAME: 'a b' },
    { TASK_TRACKER_COOKIE_NAME: 'a;b=c' },
    { TASK_TRACKER_COOKIE_SAME_SITE: 'Sometimes' },
    { TASK_TRACKER_SESSION_SECONDS: '0' },
    { TASK_TRACKER_WEBHOOK_HASH: 'md5' },
    { TASK_TRACKER_WEBHOOK_HEADER: 'a: b' },
  ])('refuse %j', (env) => expect(faultsOf(env)).toHaveLength(1));

  it('want a cookie for all sites to be a secure one, since browsers drop others', () => {
    const TASK_TRACKER_COOKIE_SAME_SITE = 'None';
    expect(faultsOf({ TASK_TRACKER_COOKIE_SAME_SITE })).toEqual([
      'TASK_TRACKER_COOKIE_SECURE must be true, since browsers drop a cookie with SameSite=None that is not',
    ]);
    expect(faultsOf({ TASK_TRACKER_COOKIE_SAME_SITE, TASK_TRACKER_COOKIE_SECURE: 'true' })).toEqual([]);
  });
});

describe("the Task Scheduler's variables", () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

  it('are all optional', () => {
    const configuration = load({});
    expect(configuration.DTS_RATE_LIMIT).toBe(1_000);
    expect(configuration).not.toHaveProperty('JWT_SECRET');
    expect(configuration).not.toHaveProperty('JWT_PUBLIC_KEY');
  });

  it('want one way of signing at most', () => {
    expect(faultsOf({ JWT_SECRET: 'x' })).toEqual([]);
    expect(faultsOf({ JWT_SECRET: '', JWT_PUBLIC_KEY: pem })).toEqual([]);
    expect(faultsOf({ JWT_SECRET: 'x', JWT_PUBLIC_KEY: pem })).toEqual([
      'JWT_PUBLIC_KEY must not be set beside JWT_SECRET',
    ]);
  });

  it('take a public key of RSA with its lines, or with \\n between them', () => {
    expect(load({ JWT_PUBLIC_KEY: pem }).JWT_PUBLIC_KEY).toBe(pem);
    expect(load({ JWT_PUBLIC_KEY: pem.replaceAll('\n', '\\n') }).JWT_PUBLIC_KEY).toBe(pem);
    const others = [
      rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      pem.slice(0, 200),
      'a secret',
    ];
    for (const JWT_PUBLIC_KEY of others)
      expect(faultsOf({ JWT_PUBLIC_KEY })).toEqual([
        'JWT_PUBLIC_KEY must be a public RSA key of at least 2048 bits in PEM form',
      ]);
  });

  it.each(['0', '-1', 'x', '1.5'])('refuse a rate limit of %s', (DTS_RATE_LIMIT) =>
    expect(faultsOf({ DTS_RATE_LIMIT })).toHaveLength(1),
  );
});
