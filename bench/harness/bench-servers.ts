import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Redis from 'ioredis';
import { Client } from 'pg';
import { eventually } from '../../scripts/local/eventually';
import { LocalServers } from '../../scripts/local/local-servers';

/**
 * The same server for both sides, moderately larger than PostgreSQL's default so that a short run measures the programs and not the
 * checkpoints. Durability stays as it is: fsync and synchronous_commit are on, and `settings` reads back what really holds.
 */
const POSTGRES_SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
};

const SHOWN = [
  'server_version',
  ...Object.keys(POSTGRES_SETTINGS),
  'wal_level',
  'wal_sync_method',
  'commit_delay',
  'max_connections',
];

/** What the servers say of themselves. */
export interface ServerSettings {
  postgres: Record<string, string>;
  redis: Record<string, string>;
}

/** One PostgreSQL and one Redis for a whole run of benchmarks, with a fresh database for each turn. */
export class BenchServers {
  private count = 0;

  private constructor(
    private readonly servers: LocalServers,
    /** Where everything lies; removed by `stop`. */
    readonly folder: string,
    /** Everything the children get of this process's environment. */
    readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * @param parent folder in which the run makes its own [the system's temporary one]
   * @param profile loads pg_stat_statements: it costs some percent, so only for looking where the time goes
   */
  static async start(env: NodeJS.ProcessEnv, { parent = tmpdir(), profile = false } = {}): Promise<BenchServers> {
    mkdirSync(parent, { recursive: true });
    const folder = mkdtempSync(join(parent, 'task-engine-bench-'));
    // PostgreSQL's own account has to get in where this process is root.
    chmodSync(folder, 0o755);
    const { PATH, HOME, XDG_CACHE_HOME, TMPDIR } = env;
    const own = { PATH, HOME, XDG_CACHE_HOME, TMPDIR, NODE_ENV: 'production' };
    const further: Record<string, string> = profile
      ? {
          shared_preload_libraries: 'pg_stat_statements',
          'pg_stat_statements.track': 'all',
          'pg_stat_statements.track_planning': 'on',
          track_io_timing: 'on',
        }
      : {};
    try {
      const servers = await LocalServers.start({
        dataDir: join(folder, 'servers'),
        env: own,
        postgresSettings: { ...POSTGRES_SETTINGS, ...further },
      });
      return new BenchServers(servers, folder, own);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get postgresPid(): number | undefined {
    return this.servers.postgres?.process.pid;
  }

  get redisPid(): number | undefined {
    return this.servers.redis?.process.pid;
  }

  get redisUrl(): string {
    return this.servers.redisUrl;
  }

  /** A new, empty database; Redis is emptied with its append-only file, so that no turn pays for the one before. */
  async fresh(): Promise<{ databaseUrl: string; drop: () => Promise<void> }> {
    const name = `bench_${++this.count}`;
    await this.administer(`CREATE DATABASE ${name}`);
    const redis = new Redis(this.redisUrl);
    await redis.flushall();
    await redis.bgrewriteaof().catch(() => undefined);
    await eventually(async () => (await redis.info('persistence')).includes('aof_rewrite_in_progress:0'));
    redis.disconnect();
    return {
      databaseUrl: this.servers.postgres!.url(name),
      drop: () => this.administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    };
  }

  /** Read from the running servers, not from what they were started with. */
  async settings(): Promise<ServerSettings> {
    const client = new Client({ connectionString: this.servers.databaseUrl });
    const redis = new Redis(this.redisUrl);
    try {
      await client.connect();
      const { rows } = await client.query<{ name: string; value: string }>(
        'SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY($1)',
        [SHOWN],
      );
      const [, version = '?'] = /redis_version:(\S+)/.exec(await redis.info('server')) ?? [];
      const read = async (name: string) => ((await redis.config('GET', name)) as string[])[1] ?? '?';
      return {
        postgres: Object.fromEntries(rows.map(({ name, value }) => [name, value])),
        redis: {
          version,
          appendonly: await read('appendonly'),
          appendfsync: await read('appendfsync'),
          'maxmemory-policy': await read('maxmemory-policy'),
        },
      };
    } finally {
      await client.end();
      redis.disconnect();
    }
  }

  /** @param keep leaves the folder with the logs, for whoever looks why a run failed */
  async stop({ keep = false } = {}): Promise<void> {
    await this.servers.stop();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }

  private async administer(sql: string): Promise<void> {
    const client = new Client({ connectionString: this.servers.postgres!.url('postgres') });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }
}

/** @throws Error when a server does not keep what it has said yes to. */
export function requireDurable({ postgres, redis }: ServerSettings): void {
  const wanted = [
    ['fsync', postgres.fsync, 'on'],
    ['synchronous_commit', postgres.synchronous_commit, 'on'],
    ['full_page_writes', postgres.full_page_writes, 'on'],
    ['appendonly', redis.appendonly, 'yes'],
    ['appendfsync', redis.appendfsync, 'everysec'],
  ] as const;
  for (const [name, value, expected] of wanted) {
    if (value !== expected) throw new Error(`${name} is ${value}, not ${expected}: nothing would be compared`);
  }
}
