import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { runCommand } from './commands';
import { eventually } from './eventually';
import { commandLineOf, isAlive } from './process-identity';
import { findRedis, type RedisProgram, type RedisSearch } from './redis-program';
import { SupervisedProcess, type Launch } from './supervised-process';
import type { Watchdog } from './watchdog';

export interface RedisOptions extends RedisSearch {
  /** Holds the data and the configuration; made when missing. */
  folder: string;
  port: number;
  password: string;
  logFile: string;
  watchdog: Watchdog;
  /** Number of logical databases [16]. */
  databases?: number;
}

/** One Redis on loopback with its data in a folder, supervised. */
export class RedisServer {
  private constructor(
    readonly process: SupervisedProcess,
    readonly version: string,
    readonly url: string,
  ) {}

  /**
   * Finds a server program, starts it, waits until it answers.
   * @throws LocalError when there is none, or it does not start.
   */
  static async start(options: RedisOptions): Promise<RedisServer> {
    const program = await findRedis(options);
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    const url = `redis://:${options.password}@127.0.0.1:${options.port}`;
    const process = new SupervisedProcess(
      {
        name: 'Redis',
        logFile: options.logFile,
        launch: async () => {
          await releaseData(options);
          return program.kind === 'program' ? inProcess(options, program) : inContainer(options, program);
        },
        isReady: () => pong(url),
        stopSignal: 'SIGTERM',
        stopGrace: 15_000,
        restartDelay: (ends) => Math.min(30 * 2 ** (ends - 1), 300),
        startAttempts: 6,
      },
      options.watchdog,
    );
    await process.start();
    return new RedisServer(process, program.version, url);
  }
}

/** Also where the number of the running server stands. */
const pidFileOf = (folder: string) => join(folder, 'redis.pid');

function inProcess(options: RedisOptions, program: RedisProgram & { kind: 'program' }): Launch {
  const config = writeConfig(options, { bind: '127.0.0.1', port: options.port, dir: options.folder });
  const env = { LC_ALL: 'C', PATH: options.path, ...(program.libraries ? { LD_LIBRARY_PATH: program.libraries } : {}) };
  return { file: program.file, args: [config], cwd: options.folder, env };
}

async function inContainer(options: RedisOptions, program: RedisProgram & { kind: 'container' }): Promise<Launch> {
  const name = `task-engine-redis-${options.port}`;
  writeConfig(options, { bind: '0.0.0.0', port: 6379, dir: '/data' });
  // A container outlives the SIGKILL of the command that runs it.
  await runCommand(program.engine, ['rm', '--force', name]);
  const user = process.getuid && process.getgid ? ['--user', `${process.getuid()}:${process.getgid()}`] : [];
  const args = ['run', '--rm', '--name', name, ...user, '-p', `127.0.0.1:${options.port}:6379`];
  args.push('-v', `${options.folder}:/data`, program.image, 'redis-server', '/data/redis.conf');
  return { file: program.engine, args };
}

/** In a file for its owner only: an argument would show the password to every user of the machine. */
function writeConfig(options: RedisOptions, { bind, port, dir }: { bind: string; port: number; dir: string }): string {
  const file = join(options.folder, 'redis.conf');
  const lines = [
    `bind ${bind}`,
    `port ${port}`,
    `requirepass ${options.password}`,
    `dir ${JSON.stringify(dir)}`,
    `pidfile ${JSON.stringify(pidFileOf(dir))}`,
    `databases ${options.databases ?? 16}`,
    'daemonize no',
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    // Evicting a key would lose a queued id; a full memory shall show as an error.
    'maxmemory-policy noeviction',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return file;
}

/** Ends a server that outlived its parent: two on one append-only file would spoil it. The caller holds the instance lock. */
async function releaseData({ folder, port }: RedisOptions): Promise<void> {
  const pidFile = pidFileOf(folder);
  if (!existsSync(pidFile)) return;
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  const commandLine = pid > 0 && isAlive(pid) ? commandLineOf(pid) : '';
  // A running server shows "redis-server 127.0.0.1:<port>", before that its configuration file.
  const ours = commandLine.includes(`:${port}`) || commandLine.includes(folder);
  if (!ours || !/redis|valkey/.test(commandLine)) return;
  process.kill(pid, 'SIGTERM');
  await eventually(() => !isAlive(pid), { timeout: 15_000 });
}

/** Whether a Redis at the URL answers PING with PONG within two seconds. */
export function pong(url: string): Promise<boolean> {
  const { protocol, hostname, port, username, password } = new URL(url);
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
  const words = ['AUTH', ...(username ? [decodeURIComponent(username)] : []), decodeURIComponent(password)];
  return new Promise((done) => {
    const socket = protocol === 'rediss:' ? connectTls({ ...address, servername: address.host }) : connect(address);
    let answer = '';
    const end = (result: boolean) => {
      socket.destroy();
      done(result);
    };
    socket.setTimeout(2000, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('connect', () => socket.write(`${password ? command(words) : ''}${command(['PING'])}`));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
      if (answer.includes('+PONG')) end(true);
      else if (/^-/m.test(answer)) end(false);
    });
  });
}

const command = (words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
