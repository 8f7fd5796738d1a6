import { dockerHostOf, parseDockerHost } from './docker-host';
import { Farms } from './farms';

const farms = new Farms([
  { match: 'video-(hd|4k)', hosts: ['a:2375', 'b:2375'], maxRunning: 2 },
  { match: 'video', hosts: ['b:2375', 'unix:///run/docker.sock'], maxRunning: 2 },
  { match: '', hosts: ['[2001:db8::1]:2376'], maxRunning: 10 },
]);
const names = (group: string) => farms.of(group).map(({ hosts }) => hosts.map(({ name }) => name));

describe('the farms of a group', () => {
  it('are all those whose expression matches the start of its name, in the order of the configuration', () => {
    expect(names('video-hd-1')).toEqual([
      ['a:2375', 'b:2375'],
      ['b:2375', 'unix:///run/docker.sock'],
      ['[2001:db8::1]:2376'],
    ]);
    expect(names('videos')).toEqual([['b:2375', 'unix:///run/docker.sock'], ['[2001:db8::1]:2376']]);
    expect(names('my-video')).toEqual([['[2001:db8::1]:2376']]);
    expect(names('')).toEqual([['[2001:db8::1]:2376']]);
  });

  it('name a host that stands in several of them once', () => {
    expect(farms.allOf('video-4k').map(({ name }) => name)).toEqual([
      'a:2375',
      'b:2375',
      'unix:///run/docker.sock',
      '[2001:db8::1]:2376',
    ]);
    expect(farms.all()).toHaveLength(4);
  });

  it('are refused when an expression or a host is none', () => {
    expect(() => new Farms([{ match: '(', hosts: [], maxRunning: 1 }])).toThrow('"(" is no regular expression');
    expect(() => new Farms([{ match: '', hosts: ['a'], maxRunning: 1 }])).toThrow('Not a Docker host: "a"');
  });
});

describe('a Docker host', () => {
  it.each([
    ['localhost:2375', 'localhost', 2375],
    ['10.0.0.7:2376', '10.0.0.7', 2376],
    ['[::1]:2375', '::1', 2375],
    ['unix:///var/run/docker.sock', 'unix:///var/run/docker.sock', 0],
  ])('%s is found again by the place of a run on it', (name, host, port) => {
    const parsed = parseDockerHost(name);
    expect([parsed.host, parsed.port]).toEqual([host, port]);
    expect(dockerHostOf(parsed)).toEqual(parsed);
  });

  it.each(['', 'localhost', 'localhost:', ':2375', 'localhost:0', 'localhost:65536', 'tcp://a:1', 'unix://a', 'a b:1'])(
    '%j is none',
    (name) => {
      expect(() => parseDockerHost(name)).toThrow('Not a Docker host');
    },
  );
});
