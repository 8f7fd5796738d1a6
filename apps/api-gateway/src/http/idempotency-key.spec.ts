import type { FastifyRequest } from 'fastify';
import { idempotencyKey } from './idempotency-key';

/** A request as Node shows it: joined, and value by value. */
const request = (...values: string[]) =>
  ({
    headers: values.length > 0 ? { 'idempotency-key': values.join(', ') } : {},
    raw: { headersDistinct: values.length > 0 ? { 'idempotency-key': values } : {} },
  }) as unknown as FastifyRequest;

describe('idempotencyKey', () => {
  it('is undefined without the header', () => {
    expect(idempotencyKey(request())).toBeUndefined();
  });

  it.each([
    ['a', 'a'],
    ['8e03978e-40d5-43e8-bc93-6894a57f9324', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['a, b; c', 'a, b; c'],
    ['x'.repeat(255), 'x'.repeat(255)],
    // as the draft writes it
    ['"8e03978e"', '8e03978e'],
    ['"a \\"b\\" \\\\"', 'a "b" \\'],
    // no string of RFC 8941: taken as it stands
    ['"', '"'],
    ['"a"b"', '"a"b"'],
  ])('reads %j as %j', (value, key) => {
    expect(idempotencyKey(request(value))).toBe(key);
  });

  it.each([[''], ['""'], ['x'.repeat(256)], ['ü'], ['a\tb'], ['\x7f']])('refuses %j', (value) => {
    expect(() => idempotencyKey(request(value))).toThrow('Idempotency-Key must be 1 to 255 printable characters');
  });

  it('refuses two of them', () => {
    expect(() => idempotencyKey(request('a', 'a'))).toThrow('must be given once');
  });
});
