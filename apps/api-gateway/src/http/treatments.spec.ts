import type { IncomingMessage } from 'node:http';
import { servedAddress, Treatments } from './treatments';

const request = (url: string) => ({ method: 'GET', url }) as IncomingMessage;

describe('servedAddress', () => {
  const words = () => ({ type: 'text/plain', body: '' });
  const one = new Treatments<{ kind: 'serve'; url: string } | { kind: 'unknown' }>('one', words);
  const other = new Treatments<{ kind: 'serve'; url: string }>('other', words);
  const rules = [
    one.rule((_, url) => {
      if (url.startsWith('/one/')) return { kind: 'serve', url: url.slice(4) };
      return url === '/one' ? { kind: 'unknown' } : undefined;
    }),
    other.rule((method, url, own) => (url === '/other' ? { kind: 'serve', url: `/${method}/${own}` } : undefined)),
  ];

  it('is where the first dialect that knows the request serves it', () => {
    const [first, second] = [request('/one/a'), request('/other')];
    expect(servedAddress(rules, first)).toBe('/a');
    expect(servedAddress(rules, second)).toBe('/GET/false');
    expect(one.of(first)).toEqual({ kind: 'serve', url: '/a' });
    expect(other.of(first)).toBeUndefined();
    expect(one.of(second)).toBeUndefined();
  });

  it('is nowhere for what a dialect answers before a controller could', () => {
    const unknown = request('/one');
    expect(servedAddress(rules, unknown)).toBe('/-');
    expect(one.of(unknown)).toEqual({ kind: 'unknown' });
  });

  it('is not decided here for requests that no rule knows', () => {
    expect(servedAddress(rules, request('/livez'))).toBeUndefined();
  });
});
