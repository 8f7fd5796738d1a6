import type { FastifyRequest } from 'fastify';
import { callerAddress } from './caller-address';

const from = (headers: Record<string, string>, remoteAddress: string | undefined = '192.0.2.9') =>
  callerAddress({ headers, raw: { socket: { remoteAddress } } } as unknown as FastifyRequest);

describe('callerAddress', () => {
  it('is X-Real-Ip, else the first of X-Forwarded-For, else the other end', () => {
    const headers = { 'x-real-ip': '10.0.0.1', 'x-forwarded-for': '10.0.0.2, 10.0.0.3' };
    expect(from(headers)).toBe('10.0.0.1');
    expect(from({ 'x-forwarded-for': headers['x-forwarded-for'] })).toBe('10.0.0.2');
    expect(from({})).toBe('192.0.2.9');
  });

  it('is an address and nothing else', () => {
    for (const text of ['', 'unknown', '<script>', '10.1', '1.2.3.4.5', 'x'.repeat(9000)])
      expect(from({ 'x-real-ip': text, 'x-forwarded-for': text })).toBe('192.0.2.9');
    expect(from({ 'x-real-ip': '2001:DB8::1' })).toBe('2001:db8::1');
    expect(from({}, '::ffff:127.0.0.1')).toBe('127.0.0.1');
  });
});
