import { isHostAndPort } from './host-and-port';
import { isImageName } from './image-name';
import { readJobUuid } from './job-uuid';
import { MIN_MEMORY_BYTES, readMemorySize } from './memory-size';
import { readStartIn, readUnixSeconds } from './start-time';

const hostile = [null, true, {}, [], '', ' ', '\u0000', '-', 'x'.repeat(100_000), NaN, Infinity, -Infinity];

describe('readJobUuid', () => {
  const uuid = '5a023792-1445-44e9-8a8b-cfe5ad05d1c6';

  it.each([
    uuid,
    uuid.toUpperCase(),
    uuid.replaceAll('-', ''),
    `{${uuid}}`,
    `urn:uuid:${uuid}`,
    `urn:uuid:{${uuid.toUpperCase()}}`,
  ])('reads %s', (text) => expect(readJobUuid(text)).toBe(uuid));

  it('takes every version', () => {
    expect(readJobUuid('00000000-0000-0000-0000-000000000000')).toBe('00000000-0000-0000-0000-000000000000');
    expect(readJobUuid('c232ab00-9414-11ec-b3c8-9e6bdeced846')).toBe('c232ab00-9414-11ec-b3c8-9e6bdeced846');
  });

  it.each([
    '',
    'job',
    `${uuid}0`,
    uuid.slice(1),
    uuid.replace('5', 'g'),
    `${uuid} `,
    '-'.repeat(50_000),
    '１'.repeat(32),
  ])('refuses %s', (text) => expect(readJobUuid(text)).toBeUndefined());
});

describe('readStartIn', () => {
  it.each([
    ['', 0],
    ['0', 0],
    ['0s', 0],
    ['30s', 30],
    ['5m', 300],
    ['1h', 3600],
    ['1h30m10s', 5410],
    ['1h10s', 3610],
    ['90m', 5400],
    ['876000h', 3_153_600_000],
  ])('reads %j', (text, seconds) => expect(readStartIn(text)).toBe(seconds));

  it.each([
    '1d',
    '5m 30s',
    '30s5m',
    's',
    '1',
    '-1s',
    '1.5h',
    '1H',
    ' 1s',
    '1s\n',
    '9999999999h',
    '99999999999s',
    '１s',
    5,
    ...hostile.filter((value) => value !== ''),
  ])('refuses %j', (value) => expect(readStartIn(value)).toBeUndefined());
});

describe('readUnixSeconds', () => {
  it.each([
    [0, 0],
    [1_547_737_982, 1_547_737_982],
    [1_547_737_982.9, 1_547_737_982],
    [-5, -5],
    ['1547737982', 1_547_737_982],
    ['1547737982.644', 1_547_737_982],
    ['+5', 5],
    ['', 0],
    [253_402_300_799, 253_402_300_799],
  ])('reads %j', (value, seconds) => expect(readUnixSeconds(value)).toBe(seconds));

  it.each([
    253_402_300_800,
    -253_402_300_800,
    Number.MAX_SAFE_INTEGER,
    '9'.repeat(15),
    'tomorrow',
    '2030-01-01',
    '1e9',
    '0x10',
    '1_000',
    ...hostile.filter((value) => value !== ''),
  ])('refuses %j', (value) => expect(readUnixSeconds(value)).toBeUndefined());
});

describe('readMemorySize', () => {
  it.each([
    [MIN_MEMORY_BYTES, MIN_MEMORY_BYTES],
    ['256m', 268_435_456],
    ['256M', 268_435_456],
    ['1g', 1_073_741_824],
    ['6144k', MIN_MEMORY_BYTES],
    ['6291456b', MIN_MEMORY_BYTES],
    ['6291456', MIN_MEMORY_BYTES],
  ])('reads %j', (value, bytes) => expect(readMemorySize(value)).toBe(bytes));

  it.each([
    MIN_MEMORY_BYTES - 1,
    '512k',
    0,
    -268_435_456,
    268_435_456.5,
    '256mb',
    '1.5g',
    '1t',
    'm',
    '9999999999999999g',
    1e300,
    ...hostile,
  ])('refuses %j', (value) => expect(readMemorySize(value)).toBeUndefined());
});

describe('isImageName', () => {
  const digest = `sha256:${'a1'.repeat(32)}`;

  it.each([
    'ubuntu',
    'ubuntu:18.04',
    'task1:latest',
    'library/ubuntu',
    'registry:5000/x',
    'registry:5000/x:1',
    'registry.example.com/team/app_x/y-z:V1.0_rc-2',
    'localhost/x',
    '[::1]:5000/x',
    `ubuntu@${digest}`,
    `registry.example.com:443/a/b:1@${digest}`,
    'a__b/c--d',
  ])('takes %s', (image) => expect(isImageName(image)).toBe(true));

  it.each([
    ...hostile,
    'Ubuntu',
    'ubuntu:',
    ':latest',
    'ubuntu:a:b',
    'ubuntu: latest',
    'ubuntu latest',
    'ubuntu\n',
    '--privileged',
    '-v/:/host',
    'a//b',
    '/a',
    'a/',
    '../a',
    'a@sha256:short',
    'http://registry/x',
    'registry:port/x',
    `a:${'x'.repeat(129)}`,
    'a/'.repeat(300) + 'a',
    'a-'.repeat(200) + '!',
    ['ubuntu'],
    5,
  ])('refuses %j', (image) => expect(isImageName(image)).toBe(false));
});

describe('isHostAndPort', () => {
  it.each(['docker-1.example.com:2375', '10.0.0.12:2375', 'a_b.cd:1', 'host.name:0'])('takes %s', (host) =>
    expect(isHostAndPort(host)).toBe(true),
  );

  it.each([
    ...hostile,
    5,
    'localhost:2375',
    'docker-host:2375',
    '10.0.0.1:2375',
    'Example.com:1',
    'example.com',
    'example.com:',
    'example.com:http',
    'example.com:1:2',
    'example.com:99999',
    ':2375',
    'a..bc:1',
    'exa mple.com:1',
    '[::1]:2375',
    ['example.com:1'],
  ])('refuses %j', (host) => expect(isHostAndPort(host)).toBe(false));
});
