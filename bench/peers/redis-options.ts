import type { RedisOptions } from 'ioredis';

/** A Redis URL as BullMQ takes it; it wants to block as long as it likes. */
export function redisOptions(url: string): RedisOptions {
  const { hostname, port, password } = new URL(url);
  return { host: hostname, port: Number(port), password: decodeURIComponent(password), maxRetriesPerRequest: null };
}
