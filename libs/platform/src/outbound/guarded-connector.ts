import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

import { buildConnector } from 'undici';

import { type AddressRules, blockedAddress, canonicalHost, isLiteral } from './address-rules';

/** `dns.lookup` with `all: true`. */
export type LookupAll = (
  hostname: string,
  options: { all: true; family?: number | 'IPv4' | 'IPv6'; hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface TlsOptions {
  verifyTls: boolean;
  ca?: string;
}

/**
 * A connector whose sockets only reach permitted addresses. The rule is applied inside the look-up that the socket itself makes, so the
 * address that was judged is the address that is used: a name that answers differently a moment later gains nothing. Addresses
 * given literally skip the look-up and are judged before; the peer of the open socket is judged once more.
 */
export function guardedConnector(
  rules: AddressRules,
  tls: TlsOptions,
  connectTimeoutMs: number,
  lookup: LookupAll = systemLookup,
): buildConnector.connector {
  const guardedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { family: options.family, hints: options.hints, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const permitted = found.filter(({ address }) => rules.permits(hostname, address));
      const [first] = permitted;
      if (!first) return callback(blockedAddress(), '', 0);
      if (options.all) callback(null, permitted);
      else callback(null, first.address, first.family);
    });
  };
  const connect = buildConnector({
    lookup: guardedLookup,
    timeout: connectTimeoutMs,
    rejectUnauthorized: tls.verifyTls,
    ca: tls.ca,
    autoSelectFamily: true,
  });

  return (options, callback) => {
    const host = canonicalHost(options.hostname);
    if (isLiteral(host) && !rules.permits(host, host)) return callback(blockedAddress(), null);
    connect(options, (...[error, socket]) => {
      if (error) return callback(error, null);
      if (rules.permits(host, socket.remoteAddress ?? '')) return callback(null, socket);
      socket.destroy();
      callback(blockedAddress(), null);
    });
  };
}
