import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { temporaryFolder, testEnvironment } from '../../test/support/test-servers';
import { DataFolder } from './data-folder';
import { eventually } from './eventually';
import { LocalServers } from './local-servers';
import { isAlive } from './process-identity';
import { pong } from './redis-server';

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function missing(name: string): never {
  throw new Error(`no ${name} of its own`);
}

describe('local servers', () => {
  let dataDir: string;
  let running: LocalServers | undefined;

  const start = async (more: Partial<Parameters<typeof LocalServers.start>[0]> = {}) => {
    running = await LocalServers.start({ dataDir, env: testEnvironment(), ...more });
    return running;
  };
  const postgresOf = (servers: LocalServers) => servers.postgres?.process ?? missing('PostgreSQL');
  const redisOf = (servers: LocalServers) => servers.redis?.process ?? missing('Redis');

  beforeEach(() => {
    dataDir = temporaryFolder('launcher');
  });

  afterEach(async () => {
    await running?.stop();
    running = undefined;
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('keep their rows and their ports over a stop and a start', async () => {
    const first = await start();
    const urls = [first.databaseUrl, first.redisUrl];
    await query(first.databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();

    const second = await start();
    expect([second.databaseUrl, second.redisUrl]).toEqual(urls);
    expect(await query(second.databaseUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('run with the durability that a submitted job needs, and for whoever knows the password only', async () => {
    const { databaseUrl, redisUrl } = await start();
    const [row] = await query(
      databaseUrl,
      `SELECT current_setting('synchronous_commit') AS commit, current_setting('fsync') AS fsync,
              current_setting('listen_addresses') AS listen, current_setting('max_connections')::int AS connections,
              lower('É') AS lowered`,
    );
    expect(row).toEqual({ commit: 'on', fsync: 'on', listen: '127.0.0.1', connections: 300, lowered: 'é' });
    const config = readFileSync(resolve(dataDir, 'redis/redis.conf'), 'utf8');
    expect(config).toMatch(/^appendonly yes$/m);
    expect(config).toMatch(/^maxmemory-policy noeviction$/m);

    const wrong = new URL(databaseUrl);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect(await pong(redisUrl.replace(/:[^:@]*@/, ':wrong@'))).toBe(false);
    expect(await pong(redisUrl)).toBe(true);
  });

  it('are started again on the same port within a second of SIGKILL, with every committed row', async () => {
    const servers = await start();
    const { databaseUrl, redisUrl } = servers;
    await query(databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    for (const server of [postgresOf(servers), redisOf(servers)]) {
      const before = server.pid;
      const killedAt = Date.now();
      await server.kill('SIGKILL');
      await eventually(() => server.pid !== undefined && server.pid !== before, { timeout: 1000 });
      await server.ready();
      // Crash recovery first syncs the whole data folder, which on a busy disk takes longer than anything else here.
      expect(Date.now() - killedAt).toBeLessThan(5000);
    }
    expect(await query(databaseUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(await pong(redisUrl)).toBe(true);
  });

  it('come back from SIGKILL while a backend is still busy', async () => {
    const servers = await start({ withoutRedis: true });
    const busy = query(servers.databaseUrl, 'SELECT count(*) FROM generate_series(1, 300000000)').catch(
      () => 'cut off',
    );
    await eventually(async () => {
      const rows = await query(
        servers.databaseUrl,
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND pid <> pg_backend_pid()",
      );
      return rows.length > 0;
    });
    const killedAt = Date.now();
    await postgresOf(servers).kill('SIGKILL');
    await postgresOf(servers).ready();
    expect(Date.now() - killedAt).toBeLessThan(5000);
    expect(await query(servers.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await busy;
  });

  it('start although postmaster.pid names a living process that is no PostgreSQL', async () => {
    const first = await start({ withoutRedis: true });
    const pidFile = resolve(dataDir, 'postgres/data/postmaster.pid');
    const lines = readFileSync(pidFile, 'utf8').split('\n');
    await first.stop();
    writeFileSync(pidFile, [String(process.ppid), ...lines.slice(1)].join('\n'));
    const second = await start({ withoutRedis: true });
    expect(await query(second.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('run from the npm package when the system has none, below a folder that only its owner may enter', async () => {
    const closed = resolve(dataDir, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const servers = await start({ dataDir: resolve(closed, 'with blank'), embeddedPostgres: true, withoutRedis: true });
    const [row] = await query(servers.databaseUrl, 'SELECT version()');
    expect(row?.version).toContain('PostgreSQL 18');
  });

  it('use other ports when somebody else took theirs meanwhile', async () => {
    const first = await start({ withoutRedis: true });
    const { port } = new URL(first.databaseUrl);
    await first.stop();
    const { createServer } = await import('node:net');
    const squatter = createServer().listen(Number(port), '127.0.0.1');
    try {
      const second = await start({ withoutRedis: true });
      expect(new URL(second.databaseUrl).port).not.toBe(port);
      expect(await query(second.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      squatter.close();
    }
  });

  it('leave no orphan when their parent is killed with SIGKILL', async () => {
    const code = `
      const { LocalServers } = require(${JSON.stringify(resolve(__dirname, '../../dist/scripts/local/local-servers.js'))});
      LocalServers.start({ dataDir: ${JSON.stringify(dataDir)}, env: process.env }).then((servers) =>
        console.log(JSON.stringify([servers.postgres.process.pid, servers.redis.process.pid, servers.watchdog.pid])));
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pids = await new Promise<number[]>((done, refuse) => {
      parent.once('exit', () => refuse(new Error('the parent ended by itself')));
      createInterface(parent.stdout).once('line', (line) => done(JSON.parse(line) as number[]));
    });
    expect(pids.every(isAlive)).toBe(true);
    parent.kill('SIGKILL');
    await eventually(() => !pids.slice(0, 2).some(isAlive), { timeout: 5000 });

    // The dead parent's lock and the ended servers stand in nobody's way.
    const next = await start();
    expect(await pong(next.redisUrl)).toBe(true);
  });

  it('refuse a data folder that a living process holds, and name it', () => {
    const held = DataFolder.take(dataDir);
    expect(() => DataFolder.take(dataDir)).toThrow(
      `Another instance (process ${process.pid}) uses the data folder ${dataDir}`,
    );
    held.release();
    DataFolder.take(dataDir).release();
  });

  it('say which external server does not answer, without its password', async () => {
    const env = {
      ...testEnvironment(),
      REDIS_URL: 'redis://:secret@127.0.0.1:1',
      DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x',
    };
    const failure = await LocalServers.start({ dataDir, env, externalTimeout: 300 }).catch(
      (error: Error) => error.message,
    );
    expect(failure).toMatch(/^DATABASE_URL \(127\.0\.0\.1:1\/x\) does not answer/);
    expect(failure).not.toContain('secret');
  });
});
