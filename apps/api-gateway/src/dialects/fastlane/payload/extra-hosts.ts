import ipaddr from 'ipaddr.js';
import { invalid, shownName } from './invalid';

const MAX_HOSTS = 1_000;
const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?$/;

/**
 * Further lines of /etc/hosts.
 * @throws DomainError invalid_parameter
 */
export function readExtraHosts(entries: Record<string, unknown>): [string, string][] {
  const hosts = Object.entries(entries);
  if (hosts.length > MAX_HOSTS) throw invalid('additionalDNSEntries', `must have at most ${MAX_HOSTS} entries`);
  return hosts.map(([host, address]) => {
    if (!HOST.test(host)) throw invalid('additionalDNSEntries', 'must have the names of hosts as keys');
    if (!isAddress(address)) throw invalid(`additionalDNSEntries.${shownName(host)}`, 'must be an IP address');
    return [host, address];
  });
}

/** In full: short forms of IPv4 and zones of IPv6 are read differently by different programs. */
function isAddress(value: unknown): value is string {
  if (typeof value !== 'string' || value.includes('%')) return false;
  return ipaddr.IPv4.isValidFourPartDecimal(value) || ipaddr.IPv6.isValid(value);
}
