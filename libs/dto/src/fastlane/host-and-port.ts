/**
 * Whether it is `name:port` as fastlane takes it: a name of two parts at least, lower case, whose last part has two characters at least.
 */
export function isHostAndPort(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 300) return false;
  const [name = '', port = '', ...more] = value.split(':');
  return (
    more.length === 0 &&
    /^\d{1,5}$/.test(port) &&
    Number(port) <= 65_535 &&
    /^([a-z0-9_-]{1,63}\.)+[a-z0-9_-]{2,63}$/.test(name)
  );
}
