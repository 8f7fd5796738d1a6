import { AddressRules, checkOutboundUrl } from './address-rules';
import { OutboundBlocked } from './outbound.errors';

describe('address rules', () => {
  const none = new AddressRules();

  it.each([
    ['0.0.0.0', 'this host'],
    ['0.1.2.3', 'this network'],
    ['10.1.2.3', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'link local, cloud metadata'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.1', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', '6to4 relay'],
    ['192.168.0.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['198.19.255.255', 'benchmarking'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'IPv4-mapped'],
    ['::ffff:a9fe:a9fe', 'IPv4-mapped metadata'],
    ['::ffff:0:127.0.0.1', 'IPv4-translated'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['100::1', 'discard'],
    ['2001::1', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4'],
    ['3fff::1', 'documentation'],
    ['4000::1', 'not assigned'],
    ['5f00::1', 'segment routing'],
    ['fc00::1', 'unique local'],
    ['fd00::1', 'unique local'],
    ['fe80::1', 'link local'],
    ['fe80::1%eth0', 'link local with a zone'],
    ['fec0::1', 'site local'],
    ['ff02::1', 'multicast'],
    ['', 'nothing'],
    ['example.com', 'no address'],
  ])('refuse %s (%s)', (address) => {
    expect(none.permits('any.example', address)).toBe(false);
  });

  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '::ffff:8.8.8.8', '2606:4700::1111', '2a00:1450::1'])(
    'permit %s',
    (address) => {
      expect(none.permits('any.example', address)).toBe(true);
    },
  );

  it('permit what a range, an address or a host name of the allow list covers, and nothing beside it', () => {
    const rules = new AddressRules(['10.1.0.0/16', '127.0.0.1', 'fd00:1::/32', '[::1]', ' CMS.internal ']);
    const permitted = ['10.1.255.1', '127.0.0.1', '::ffff:127.0.0.1', 'fd00:1::5', '::1'];
    const refused = ['10.2.0.1', '127.0.0.2', 'fd00:2::1', '::2'];
    expect(permitted.filter((each) => rules.permits('x.example', each))).toEqual(permitted);
    expect(refused.filter((each) => rules.permits('x.example', each))).toEqual([]);
    expect(rules.permits('cms.internal', '192.168.1.1')).toBe(true);
    expect(rules.permits('cms.internal.', '192.168.1.1')).toBe(true);
    expect(rules.permits('evil.cms.internal', '192.168.1.1')).toBe(false);
  });

  it.each([['10.0.0.0/33'], ['10.0.0'], ['http://x'], ['a b'], ['*.internal'], ['']])(
    'do not accept %j as an entry',
    (entry) => {
      expect(() => new AddressRules(['127.0.0.1', entry])).toThrow('entry 2 is neither');
    },
  );
});

describe('the check of a URL at submit', () => {
  it.each([
    ['ftp://example.com/', 'only http and https'],
    ['file:///etc/passwd', 'only http and https'],
    ['gopher://example.com/', 'only http and https'],
    ['javascript:alert(1)', 'only http and https'],
    ['http://user:pass@example.com/', 'credentials'],
    ['http://user@example.com/', 'credentials'],
    ['not a url', 'not a valid URL'],
    ['http://', 'not a valid URL'],
    ['http://example.com:99999/', 'not a valid URL'],
    ['http://example.com:0/', 'port'],
    ['http://example.com:22/', 'port'],
    ['http://169.254.169.254/latest/meta-data', 'private or reserved'],
    ['http://0x7f.1/', 'private or reserved'],
    ['http://[::ffff:127.0.0.1]/', 'private or reserved'],
  ])('refuses %s', (url, reason) => {
    expect(() => checkOutboundUrl(url)).toThrow(OutboundBlocked);
    expect(() => checkOutboundUrl(url)).toThrow(reason);
  });

  it('lets public URLs, names and allowed addresses pass', () => {
    for (const url of ['https://example.com/a?b=c', 'http://example.com:8080/', 'http://8.8.8.8/'])
      expect(checkOutboundUrl(url).href).toBe(url);
    expect(checkOutboundUrl('http://127.0.0.1:5000/', ['127.0.0.0/8']).port).toBe('5000');
  });
});
