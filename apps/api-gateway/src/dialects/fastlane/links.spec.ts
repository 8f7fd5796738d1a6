import type { FastifyRequest } from 'fastify';
import { Links, originOf } from './links';

const request = (host: string, protocol = 'http', localAddress = '127.0.0.1') =>
  ({ host, protocol, socket: { localAddress, localPort: 8080 } }) as unknown as FastifyRequest;

describe('originOf', () => {
  it.each([
    ['localhost:10000', 'http://localhost:10000'],
    ['fastlane.example.com', 'http://fastlane.example.com'],
    ['[::1]:10000', 'http://[::1]:10000'],
  ])('is the host that the request names: %s', (host, origin) => {
    expect(originOf(request(host), undefined)).toBe(origin);
  });

  it('takes the scheme of the request', () => {
    expect(originOf(request('a', 'https'), undefined)).toBe('https://a');
    expect(originOf(request('a', 'javascript'), undefined)).toBe('http://a');
  });

  it.each([
    '',
    'evil.example/path',
    'a b',
    'user@evil.example',
    'evil.example#',
    'a:b',
    'a:999999',
    '"><script>',
    'x'.repeat(300),
    'ü.example',
  ])('is where the connection arrived when the request names %j', (host) => {
    expect(originOf(request(host), undefined)).toBe('http://127.0.0.1:8080');
    expect(originOf(request(host, 'http', '::1'), undefined)).toBe('http://[::1]:8080');
  });

  it('is the configured name above all', () => {
    expect(originOf(request('other'), 'fastlane.example:10000')).toBe('http://fastlane.example:10000');
  });
});

describe('Links', () => {
  it('end in a slash and can be followed whatever a task is called', () => {
    const links = new Links('http://h');
    expect(links.task('a b/é?#')).toBe('http://h/tasks/a%20b%2F%C3%A9%3F%23/');
    expect(links.execution('t', 'j', 'e')).toBe('http://h/tasks/t/jobs/j/executions/e/');
    expect(links.stop('t', 'j')).toBe('http://h/tasks/t/jobs/j/stop/');
    expect(links.tasks(3)).toBe('http://h/tasks/?page=3');
    expect(links.search('a&b=c d', 2)).toBe('http://h/search/?query=a%26b%3Dc%20d&page=2');
  });
});
