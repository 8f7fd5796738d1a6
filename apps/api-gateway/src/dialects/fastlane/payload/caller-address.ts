import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

/**
 * Address of whoever sent the request: X-Real-Ip, else the first of X-Forwarded-For, else the other end of the connection. It is shown,
 * nothing is decided by it, so that anybody may write these headers; what is no address does not count.
 */
export function callerAddress({ headers, raw }: Pick<FastifyRequest, 'headers' | 'raw'>): string | null {
  const forwarded = String(headers['x-forwarded-for'] ?? '').split(',', 1)[0]!;
  const claimed = [String(headers['x-real-ip'] ?? ''), forwarded, raw.socket.remoteAddress ?? ''];
  for (const text of claimed) {
    const address = text.trim();
    // the library tells by an exception: for each header that is not there it would be one too many
    if (address === '') continue;
    if (ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address))
      // an IPv4 address that came over an IPv6 socket
      return ipaddr.process(address).toString();
  }
  return null;
}
