import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { runCommand } from './commands';
import { eventually } from './eventually';
import { LocalError, reasonOf } from './local-error';
import { findPostgres, type PostgresBinaries } from './postgres-binaries';
import { commandLineOf, isAlive, processesIn } from './process-identity';
import { serverAccount, type ServerAccount } from './server-account';
import { SupervisedProcess } from './supervised-process';
import type { Watchdog } from './watchdog';

export interface PostgresOptions {
  /** Holds the cluster in its sub-folder `data`; made when missing. */
  folder: string;
  port: number;
  /** Of the superuser `task_engine`; counts when the cluster is made. */
  password: string;
  logFile: string;
  /** Where programs are looked for. */
  path: string;
  watchdog: Watchdog;
  /** Beside the fixed ones, `name: value`. */
  settings?: Record<string, string>;
  /** Leaves out the system's PostgreSQL. */
  embeddedOnly?: boolean;
}

const USER = 'task_engine';

/** The durability that invariant 2 needs, and room for two replicas of each app and a parallel test run. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  synchronous_commit: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** One PostgreSQL on loopback with its data in a folder, supervised. */
export class PostgresServer {
  private constructor(
    readonly process: SupervisedProcess,
    readonly version: string,
    private readonly options: PostgresOptions,
  ) {}

  /**
   * Makes the cluster if there is none, starts the server, waits until it answers.
   * @throws LocalError when no PostgreSQL is found, or none starts.
   */
  static async start(options: PostgresOptions): Promise<PostgresServer> {
    const { folder } = options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { binaries, account } = await prepare(options);
    const data = join(folder, 'data');
    const settings = { ...SETTINGS, port: String(options.port), ...options.settings };
    const [file = '', ...args] = [
      ...account.prefix,
      join(binaries.bin, 'postgres'),
      '-D',
      data,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ];
    const process = new SupervisedProcess(
      {
        name: 'PostgreSQL',
        logFile: options.logFile,
        launch: async () => {
          await releaseData(data);
          return { file, args, cwd: '/', env: serverEnvironment(options.path) };
        },
        isReady: () => answers(urlOf(options, 'postgres')),
        stopSignal: 'SIGINT',
        stopGrace: 30_000,
        // After a SIGKILL the old backends may hold the shared memory for up to a second: short steps, many of them.
        restartDelay: (ends) => Math.min(30 * 2 ** (ends - 1), 300),
        startAttempts: 20,
      },
      options.watchdog,
    );
    const server = new PostgresServer(process, binaries.version, options);
    await process.start();
    return server;
  }

  /** For a database of the cluster, with the password in it. */
  url(database: string): string {
    return urlOf(this.options, database);
  }

  /** Makes the database unless it is there. */
  async createDatabase(name: string): Promise<void> {
    const client = new Client({ connectionString: this.url('postgres') });
    await client.connect();
    try {
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
      if (!rowCount) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
  }
}

function urlOf({ port, password }: PostgresOptions, database: string): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

/** Whether a PostgreSQL takes a connection and answers a query within two seconds. */
export async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Picks the binaries, and makes the cluster with them if it is not there. */
async function prepare(options: PostgresOptions): Promise<{ binaries: PostgresBinaries; account: ServerAccount }> {
  const { folder } = options;
  const found = await findPostgres(options);
  const versionFile = join(folder, 'data', 'PG_VERSION');
  const major = existsSync(versionFile) ? Number(readFileSync(versionFile, 'utf8')) : undefined;
  const usable = found.filter((binaries) => major === undefined || binaries.major === major);
  if (usable.length === 0 && major !== undefined) {
    throw new LocalError(
      `The data in ${folder} was made by PostgreSQL ${major}, and no PostgreSQL ${major} is installed now. ` +
        `Install it, or move the folder away and start anew.`,
    );
  }
  const faults: string[] = [];
  for (const binaries of usable) {
    try {
      const account = await serverAccount(folder, [folder, binaries.bin]);
      if (major === undefined) await makeCluster(options, binaries, account);
      return { binaries, account };
    } catch (error) {
      faults.push(`${binaries.version} in ${binaries.bin}: ${reasonOf(error)}`);
    }
  }
  throw new LocalError(
    faults.length > 0
      ? `No PostgreSQL could be started.\n  ${faults.join('\n  ')}`
      : `No PostgreSQL 14 or newer found, and there is no embedded one for ${process.platform}-${process.arch}. ` +
          `Install one (Debian: apt-get install postgresql; macOS: brew install postgresql@17) or set DATABASE_URL.`,
  );
}

/** initdb into a folder beside, then a rename: a cluster is there whole or not at all. */
async function makeCluster(options: PostgresOptions, { bin }: PostgresBinaries, { prefix, owner }: ServerAccount) {
  const { folder, password } = options;
  const draft = join(folder, 'data.new');
  const passwordFile = join(folder, 'initdb.password');
  rmSync(draft, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner) for (const path of [folder, passwordFile]) chownSync(path, owner.uid, owner.gid);
  try {
    // Text is compared by code point (stable over machines, fast), yet lower() knows more than ASCII. Old systems lack C.UTF-8.
    let result = { code: 1, stdout: '', stderr: 'invalid locale name' };
    for (const locale of ['C.UTF-8', 'C']) {
      if (result.code === 0 || !result.stderr.includes('locale')) break;
      const [file = '', ...args] = [
        ...prefix,
        join(bin, 'initdb'),
        ...['-D', draft, '-U', USER, `--pwfile=${passwordFile}`, '--encoding=UTF8', `--locale=${locale}`],
        ...['--auth-local=scram-sha-256', '--auth-host=scram-sha-256'],
        ...(options.settings?.fsync === 'off' ? ['--no-sync'] : []),
      ];
      result = await runCommand(file, args, { cwd: '/', env: serverEnvironment(options.path) });
    }
    if (result.code !== 0) throw new LocalError(`initdb failed: ${result.stderr.trim() || `exit ${result.code}`}`);
    renameSync(draft, join(folder, 'data'));
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Nothing of the caller's settings (PGDATA, PGPORT, a locale that is not installed) reaches the server. */
function serverEnvironment(path: string): NodeJS.ProcessEnv {
  return { PATH: path, LC_ALL: 'C' };
}

/**
 * Makes way in the data folder, which the caller holds the instance lock of: ends a server that outlived its parent, the busy
 * backends of a killed one (they would keep the shared memory until their query ends), and drops a pid file whose number
 * belongs to some other program now (PostgreSQL would refuse to start).
 */
async function releaseData(data: string): Promise<void> {
  const pidFile = join(data, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  if (pid > 0 && isAlive(pid)) {
    if (commandLineOf(pid).includes(data)) {
      process.kill(pid, 'SIGINT');
      await eventually(() => !isAlive(pid), { timeout: 15_000 });
      return;
    }
    rmSync(pidFile, { force: true });
  }
  for (const backend of processesIn(data)) process.kill(backend, 'SIGKILL');
}
