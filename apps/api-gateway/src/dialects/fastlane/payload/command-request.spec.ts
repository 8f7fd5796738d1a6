import { DomainError } from '@task-engine/domain';
import { parseJson } from '../../../http/json-text';
import { TextRefused } from '../errors';
import { commandRequest } from './command-request';

const now = new Date('2030-01-01T00:00:00Z');
const circumstances = { group: 't1', requestedFrom: '10.1.2.3', hardTimeoutSeconds: 1800, now };

const read = (fields: object = {}) => commandRequest({ image: 'ubuntu', command: 'ls', ...fields }, circumstances);

/** The text of the refusal. */
function refusal(body: unknown): string {
  try {
    commandRequest(body, circumstances);
  } catch (error) {
    expect(error instanceof TextRefused || (error instanceof DomainError && error.code === 'invalid_parameter')).toBe(
      true,
    );
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

const refused = (fields: object) => refusal({ image: 'ubuntu', command: 'ls', ...fields });

describe('commandRequest', () => {
  it('reads the example of the document', () => {
    const body = {
      image: 'task1:latest',
      command: 'ls -lah',
      envs: { SMTP_SERVER: 'my-smtp-server' },
      metadata: { username: 'heynemann' },
      retries: 3,
    };
    expect(commandRequest(body, circumstances)).toStrictEqual({
      group: 't1',
      image: 'task1:latest',
      command: 'ls -lah',
      environment: { SMTP_SERVER: 'my-smtp-server' },
      extraHosts: [],
      custom: { username: 'heynemann' },
      retries: 3,
      retryPull: false,
      expiration: null,
      timeoutSeconds: 1800,
      memoryBytes: null,
      cpus: null,
      keptRuns: null,
      groupLimit: null,
      notify: { starts: [], succeeds: [], fails: [], finishes: [] },
      webhooks: { starts: [], succeeds: [], fails: [], finishes: [] },
      when: { kind: 'now' },
      requestedFrom: '10.1.2.3',
    });
  });

  it('reads every other field', () => {
    const hook = { url: 'https://hook.example/x', headers: { 'X-A': '1', 'X-N': 2 }, retries: 4, method: 'GET' };
    expect(
      read({
        envs: { A: 'a', N: 1.5, T: true, E: '' },
        startIn: null,
        cron: '*/5 * * * *',
        timezone: 'Europe/Berlin',
        expiration: 1_900_000_000,
        timeout: 20,
        notify: { starts: ['a@b.example'], finishes: ['c+d@e.example', 'root@localhost'], others: ['x'] },
        webhooks: { succeeds: [hook, { headers: {} }], fails: [{ url: 'http://h' }], starts: null },
        additionalDNSEntries: { db: '10.0.0.12', 'my.host_1': '::1' },
        retryOnPullFailure: true,
        memory: '256m',
        cpus: 1.5,
        maxKeptExecutions: 7,
        maxConcurrentExecutions: 2,
        unknown: { anything: 1 },
      }),
    ).toMatchObject({
      environment: { A: 'a', N: '1.5', T: 'true', E: '' },
      when: { kind: 'cron', cron: '*/5 * * * *', timezone: 'Europe/Berlin' },
      expiration: new Date(1_900_000_000_000),
      timeoutSeconds: 20,
      notify: { starts: ['a@b.example'], succeeds: [], fails: [], finishes: ['c+d@e.example', 'root@localhost'] },
      webhooks: {
        starts: [],
        succeeds: [{ url: 'https://hook.example/x', headers: { 'X-A': '1', 'X-N': '2' }, retries: 4 }],
        fails: [{ url: 'http://h', headers: {}, retries: 0 }],
        finishes: [],
      },
      extraHosts: [
        ['db', '10.0.0.12'],
        ['my.host_1', '::1'],
      ],
      retryPull: true,
      memoryBytes: 268_435_456,
      cpus: 1.5,
      keptRuns: 7,
      groupLimit: 2,
    });
  });

  it.each([
    [{}, { kind: 'now' }],
    [{ startIn: '' }, { kind: 'now' }],
    [{ startIn: '0' }, { kind: 'now' }],
    [{ startAt: 0 }, { kind: 'now' }],
    [{ startAt: '' }, { kind: 'now' }],
    [{ cron: '' }, { kind: 'now' }],
    [{ startAt: null, startIn: null, cron: null }, { kind: 'now' }],
    [{ startIn: '1h30m10s' }, { kind: 'at', at: new Date('2030-01-01T01:30:10Z') }],
    [{ startAt: 1_893_456_010 }, { kind: 'at', at: new Date('2030-01-01T00:00:10Z') }],
    [{ startAt: '1893456010.9' }, { kind: 'at', at: new Date('2030-01-01T00:00:10Z') }],
    // past: a moment all the same
    [{ startAt: 5 }, { kind: 'at', at: new Date(5_000) }],
    [{ startAt: -5 }, { kind: 'at', at: new Date(0) }],
    [{ cron: '* * * * *' }, { kind: 'cron', cron: '* * * * *', timezone: 'UTC' }],
    [
      { startAt: null, cron: '* * * * *', startIn: null },
      { kind: 'cron', cron: '* * * * *', timezone: 'UTC' },
    ],
  ])('%j runs %j', (fields, when) => expect(read(fields).when).toStrictEqual(when));

  it.each([
    [1_900_000_000, new Date(1_900_000_000_000)],
    ['-5', new Date(0)],
    // before the year 1
    [-253_402_300_799, new Date(0)],
  ])('an expiration of %j is %j', (expiration, moment) => {
    expect(read({ expiration }).expiration).toStrictEqual(moment);
  });

  it.each([
    [undefined, 1800],
    [1, 1],
    [20.1, 21],
    [1800, 1800],
    [99_999, 1800],
    [1e300, 1800],
    [0, 1],
    [-5, 1],
  ])('a timeout of %j is %j s', (timeout, seconds) => expect(read({ timeout }).timeoutSeconds).toBe(seconds));

  it.each([undefined, null, [], ['a'], 'text', 5, true, {}])('metadata %j is none', (metadata) => {
    expect(read({ metadata }).custom).toEqual({});
  });

  it('takes null for a field that may be left out', () => {
    const names = ['envs', 'notify', 'webhooks', 'additionalDNSEntries', 'expiration', 'memory', 'cpus', 'timezone'];
    const more = ['retryOnPullFailure', 'maxKeptExecutions', 'maxConcurrentExecutions', 'startAt', 'startIn', 'cron'];
    expect(read(Object.fromEntries([...names, ...more].map((name) => [name, null])))).toStrictEqual(read());
  });

  it('takes an empty command, and a limit of 0, which takes a limit away', () => {
    expect(read({ command: '' }).command).toBe('');
    expect(read({ maxConcurrentExecutions: 0 }).groupLimit).toBe(0);
  });
});

describe('refusals', () => {
  it.each([[[]], [5], ['text'], [true], [[{ image: 'a', command: 'b' }]]])('of a body that is %j', (body) => {
    expect(refusal(body)).toBe('Failed to enqueue task because JSON body must be an object.');
  });

  it.each([{}, { image: 'a' }, { command: 'b' }, { image: null, command: 'b' }, { image: 'a', command: null }])(
    'of %j',
    (body) => expect(refusal(body)).toBe('image and command must be filled in the request.'),
  );

  it.each([
    { startAt: 1, startIn: '1s' },
    { startAt: 1, cron: '* * * * *' },
    { startIn: '', cron: '' },
    { startAt: 'nonsense', startIn: 5, cron: {} },
  ])('of two times: %j', (fields) => {
    expect(refused(fields)).toBe("Only ONE of 'startAt', 'startIn' and 'cron' should be in the request.");
  });

  it('come in the order in which fastlane checks', () => {
    expect(refusal({ image: null, startAt: 1, cron: 'x', retries: 'x' })).toMatch(/image and command/);
    expect(refused({ startAt: 1, cron: 'x', retries: 'x' })).toMatch(/^Only ONE/);
  });

  const hostile = [true, [], {}, '', 'x', NaN];
  const bad: Record<string, unknown[]> = {
    image: [5, [], {}, true, '', 'Not An Image', 'a:b:c', '-v'],
    command: [5, ['ls'], {}, true, 'x'.repeat(131_072), 'é'.repeat(70_000)],
    envs: ['A=B', ['A=B'], 5, true, { '': 'x' }, { 'A=B': 'x' }],
    startIn: [5, true, [], {}, '1d', '5m 30s', '30s5m', '-1s', 'x'],
    startAt: [true, [], {}, 'tomorrow', '1e9', 1e15, NaN],
    cron: [5, true, [], {}],
    timezone: [5, true, [], {}, '', 'Mars/Olympus', '+01:00', '../etc/passwd', 'x'.repeat(1000)],
    retries: [-1, 1.5, 1001, '3', null, ...hostile],
    expiration: [true, [], {}, 'soon', 1e15],
    timeout: [null, '20', ...hostile, Infinity],
    notify: ['a@b.example', ['a@b.example'], 5, true],
    webhooks: ['http://a', [{ url: 'http://a' }], 5, true],
    additionalDNSEntries: [['db', '10.0.0.1'], 'db:10.0.0.1', 5, true, { 'a b': '10.0.0.1' }, { '-x': '::1' }],
    retryOnPullFailure: [1, 'true', [], {}],
    memory: ['512k', '1', 5_000_000, -1, 1.5, '256mb', ...hostile],
    cpus: [0, -1, 0.001, '1', 100_000, ...hostile],
    maxKeptExecutions: [0, -1, 1.5, '3', 1_000_001, ...hostile],
    maxConcurrentExecutions: [-1, 1.5, '3', 1_000_001, ...hostile],
  };

  for (const [field, values] of Object.entries(bad)) {
    it.each(values.map((value) => [value]))(`of ${field} %j name it`, (value) => {
      const message = refused({ [field]: value });
      expect(message).toMatch(new RegExp(`^Invalid parameter: ${field} must `));
      expect(message.length).toBeLessThan(300);
    });
  }

  it.each([
    [{ envs: { A: { nested: 1 } } }, 'envs.A must be a string, a number or a boolean'],
    [{ envs: { A: null } }, 'envs.A must be a string, a number or a boolean'],
    [{ envs: { A: ['x'] } }, 'envs.A must be a string, a number or a boolean'],
    [{ envs: { A: 'x'.repeat(131_072) } }, 'envs.A must have at most 131071 bytes, its name included'],
    [{ additionalDNSEntries: { db: 'localhost' } }, 'additionalDNSEntries.db must be an IP address'],
    [{ additionalDNSEntries: { db: '10.1' } }, 'additionalDNSEntries.db must be an IP address'],
    [{ additionalDNSEntries: { db: 'fe80::1%eth0' } }, 'additionalDNSEntries.db must be an IP address'],
    [{ additionalDNSEntries: { db: 5 } }, 'additionalDNSEntries.db must be an IP address'],
    [{ notify: { fails: 'a@b.example' } }, 'notify.fails must be a list'],
    [{ notify: { fails: ['a@b.example', 'nobody'] } }, 'notify.fails[1] must be an e-mail address'],
    [{ notify: { starts: ['a@b.example\r\nBcc: all@b.example'] } }, 'notify.starts[0] must be an e-mail address'],
    [{ notify: { starts: ['"a b"@c.example'] } }, 'notify.starts[0] must be an e-mail address'],
    [{ notify: { fails: [null] } }, 'notify.fails[0] must be an e-mail address'],
    [{ notify: { fails: Array(101).fill('a@b.example') } }, 'notify.fails must have at most 100 entries'],
    [{ webhooks: { fails: {} } }, 'webhooks.fails must be a list'],
    [{ webhooks: { fails: ['http://a'] } }, 'webhooks.fails[0] must be an object'],
    [{ webhooks: { fails: [{ url: 'ftp://a' }] } }, 'webhooks.fails[0].url must be an http(s) URL'],
    [{ webhooks: { fails: [{ url: 'http:a' }] } }, 'webhooks.fails[0].url must be an http(s) URL'],
    [{ webhooks: { fails: [{ url: 5 }] } }, 'webhooks.fails[0].url must be an http(s) URL'],
    [{ webhooks: { fails: [{ url: 'http://a', retries: -1 }] } }, 'webhooks.fails[0].retries must be a whole number'],
    [{ webhooks: { fails: [{ url: 'http://a', retries: '3' }] } }, 'webhooks.fails[0].retries must be a whole number'],
    [{ webhooks: { fails: [{ url: 'http://a', headers: 'x: y' }] } }, 'webhooks.fails[0].headers must be an object'],
    [
      { webhooks: { fails: [{ url: 'http://a', headers: { 'a b': 'x' } }] } },
      'webhooks.fails[0].headers must have the names of headers as keys',
    ],
    [
      { webhooks: { fails: [{ url: 'http://a', headers: { a: 'x\r\nb: y' } }] } },
      'webhooks.fails[0].headers.a must be a string that a header can hold',
    ],
    [
      { webhooks: { fails: [{ url: 'http://a', headers: { a: ['x'] } }] } },
      'webhooks.fails[0].headers.a must be a string that a header can hold',
    ],
    [
      { webhooks: { fails: [{ url: 'http://a', headers: { 'Content-Length': '5' } }] } },
      'webhooks.fails[0].headers.Content-Length cannot be set',
    ],
  ])('of %j', (fields, message) => {
    expect(refused(fields).startsWith(`Invalid parameter: ${message}`)).toBe(true);
  });

  it('do not depend on what an object inherits', () => {
    const body = parseJson(Buffer.from('{"image":"a","command":"b","toString":1,"valueOf":2,"hasOwnProperty":3}'));
    expect(commandRequest(body, circumstances).image).toBe('a');
  });
});
