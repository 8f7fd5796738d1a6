import { rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { freePort } from '../../../scripts/local/ports';
import { RedisServer } from '../../../scripts/local/redis-server';
import { Watchdog } from '../../../scripts/local/watchdog';
import { temporaryFolder, testEnvironment } from '../../support/test-servers';

export interface OwnRedis {
  url: string;
  process: RedisServer['process'];
  remove(): Promise<void>;
}

/** A Redis for one test file to kill, stop, freeze and empty. */
export async function startOwnRedis(): Promise<OwnRedis> {
  const folder = temporaryFolder('redis');
  const watchdog = new Watchdog();
  const env = testEnvironment();
  const server = await RedisServer.start({
    folder,
    port: await freePort(),
    password: 'test',
    logFile: join(folder, 'redis.log'),
    path: env.PATH ?? '',
    cache: join(env.XDG_CACHE_HOME || join(env.HOME ?? homedir(), '.cache'), 'task-engine'),
    watchdog,
  });
  const remove = async () => {
    await server.process.stop();
    watchdog.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: server.url, process: server.process, remove };
}
