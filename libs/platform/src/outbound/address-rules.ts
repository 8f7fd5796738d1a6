import * as ipaddr from 'ipaddr.js';

import { OutboundBlocked } from './outbound.errors';

/**
 * Ports that no browser opens for http(s), because a request could be read as a command by what listens there
 * (the WHATWG Fetch standard's "bad port" list), and port 0.
 */
const BAD_PORTS = new Set(
  (
    '0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135 137 139 ' +
    '143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 ' +
    '3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080'
  )
    .split(' ')
    .map(Number),
);

/** The only part of IPv6 that is handed out as global unicast; all else is special or not assigned. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/**
 * Which addresses outgoing requests may reach: public unicast ones, plus what `OUTBOUND_ALLOW` names.
 * Entries are CIDR ranges, single addresses, or host names; a host name makes every address acceptable that this name, and no other,
 * resolves to.
 */
export class AddressRules {
  private readonly ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][] = [];
  private readonly hosts = new Set<string>();

  /** @throws Error when an entry is none of the three; the message names its position only */
  constructor(allow: readonly string[] = []) {
    allow.forEach((raw, index) => {
      const entry = raw.trim().toLowerCase();
      const literal = entry.replace(/^\[(.*)\]$/, '$1');
      if (ipaddr.isValidCIDR(literal)) this.ranges.push(ipaddr.parseCIDR(literal));
      else if (isLiteral(literal)) {
        const address = ipaddr.process(literal);
        this.ranges.push([address, address.kind() === 'ipv4' ? 32 : 128]);
      } else if (HOST_NAME.test(entry) && !/^[\d.]+$/.test(entry)) this.hosts.add(entry);
      else throw new Error(`entry ${index + 1} is neither a CIDR range, an IP address nor a host name`);
    });
  }

  /** Whether a socket opened for `host` may use `address` (the textual form that a look-up or a socket gives). */
  permits(host: string, address: string): boolean {
    if (this.hosts.has(canonicalHost(host))) return true;
    const plain = address.replace(/%.*$/, '');
    if (!isLiteral(plain)) return false;
    // `process` turns ::ffff:a.b.c.d into the IPv4 address that the packets go to
    const parsed = ipaddr.process(plain);
    for (const [range, bits] of this.ranges) {
      if (
        range.kind() === parsed.kind() &&
        parsed.match([range, bits] as [ipaddr.IPv4, number] & [ipaddr.IPv6, number])
      )
        return true;
    }
    if (parsed.range() !== 'unicast') return false;
    return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_IPV6);
  }

  /**
   * Everything that can be said without the network: scheme, credentials, port, literal addresses.
   * The URL parser has turned `2130706433`, `0x7f.1`, `0177.0.0.1` and `127.1` into plain dotted form by then.
   * @throws OutboundBlocked
   */
  check(input: string | URL): URL {
    const url = parseUrl(input);
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new OutboundBlocked('only http and https URLs are allowed');
    if (url.username || url.password) throw new OutboundBlocked('a URL with credentials is not allowed');
    if (!url.hostname) throw new OutboundBlocked('the URL has no host');
    if (url.port && BAD_PORTS.has(Number(url.port))) throw new OutboundBlocked('the port is not allowed');
    const host = canonicalHost(url.hostname);
    if (isLiteral(host) && !this.permits(host, host)) throw blockedAddress();
    return url;
  }
}

/**
 * The checks on a URL that need no network, for use when it is submitted. The address that a name resolves to is checked later, when
 * the socket is opened.
 * @throws OutboundBlocked
 */
export function checkOutboundUrl(url: string, allow: readonly string[] = []): URL {
  return new AddressRules(allow).check(url);
}

/** One text for every refused address: it must not tell which rule struck, what the name resolved to, or whether anything listens. */
export function blockedAddress(): OutboundBlocked {
  return new OutboundBlocked('the address is private or reserved and is not allowed');
}

/** Lower case, without the brackets of IPv6 and without the root dot (`localhost.`). */
export function canonicalHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/** Whether the socket will use `host` as it stands, without a look-up. */
export function isLiteral(host: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host);
}

function parseUrl(input: string | URL): URL {
  try {
    return new URL(input);
  } catch {
    throw new OutboundBlocked('this is not a valid URL');
  }
}
