import type { NotificationName } from '@task-engine/dto';

/** Channels are global to a Redis server, whatever its database number: the prefix keeps installations apart. */
export function channelOf(prefix: string, name: NotificationName): string {
  return `${prefix}:${name}`;
}
