import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findCommands, isExecutable, runCommand } from './commands';
import { LocalError, reasonOf } from './local-error';

/** A way to run Redis: a program of this machine, or a container image. */
export type RedisProgram =
  | { kind: 'program'; file: string; version: string; libraries?: string }
  | { kind: 'container'; engine: string; image: string; version: string };

export interface RedisSearch {
  path: string;
  /** Where a downloaded server is kept, shared by all checkouts of the user. */
  cache: string;
  /** Hears of what takes longer. */
  report?: (message: string) => void;
}

const FOLDERS = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/opt/local/bin', '/snap/bin'];
const IMAGE = 'docker.io/library/redis:7-alpine';

/** The server and the libraries that a minimal Debian or Ubuntu lacks. */
const PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblua5.1-0', 'liblzf1', 'libatomic1', 'libsystemd0'];

/**
 * Finds a Redis (or Valkey) server, or gets one: on PATH and in the usual folders, Debian's package unpacked into the cache (no
 * root needed), Debian's package installed (as root), a container.
 * @throws LocalError with what to type when there is no way.
 */
export async function findRedis(search: RedisSearch): Promise<RedisProgram> {
  for (const file of ['redis-server', 'valkey-server'].flatMap((name) => findCommands(name, search.path, FOLDERS))) {
    const version = await versionOf(file);
    if (version) return { kind: 'program', file, version };
  }
  const faults: string[] = [];
  for (const way of [fromCache, byDownload, byInstall, byContainer]) {
    try {
      const program = await way(search);
      if (program) return program;
    } catch (error) {
      faults.push(reasonOf(error));
    }
  }
  const advice = process.platform === 'darwin' ? 'brew install redis' : 'apt-get install redis-server';
  throw new LocalError(
    `No Redis server found. Install one (${advice}) or set REDIS_URL.${faults.map((fault) => `\n  tried: ${fault}`).join('')}`,
  );
}

async function versionOf(file: string, libraries?: string): Promise<string | undefined> {
  const env = libraries ? { LD_LIBRARY_PATH: libraries } : {};
  const { code, stdout } = await runCommand(file, ['--version'], { timeout: 10_000, env });
  const [, name, version] = /^(Redis|Valkey) server v=(\S+)/.exec(stdout) ?? [];
  return code === 0 && name && version ? `${name} ${version}` : undefined;
}

async function unpacked(folder: string): Promise<RedisProgram | undefined> {
  const file = join(folder, 'usr', 'bin', 'redis-server');
  if (!isExecutable(file)) return undefined;
  const library = join(folder, 'usr', 'lib');
  const triplets = readdirSync(library).filter((name) => name.includes('-linux-'));
  const libraries = [
    ...triplets.map((name) => join(library, name)),
    ...triplets.map((name) => join(folder, 'lib', name)),
  ].join(':');
  const version = await versionOf(file, libraries);
  return version ? { kind: 'program', file, version, libraries } : undefined;
}

const unpackedFolder = (search: RedisSearch) => join(search.cache, `redis-${process.arch}`);

function fromCache(search: RedisSearch): Promise<RedisProgram | undefined> {
  return unpacked(unpackedFolder(search));
}

/** Package lists of our own below the cache let apt-get work without root, and where the system's lists are empty. */
async function byDownload(search: RedisSearch): Promise<RedisProgram | undefined> {
  if (!findCommands('apt-get', search.path).length || !findCommands('dpkg', search.path).length) return undefined;
  search.report?.('getting Redis from the Debian archive (once, about 2 MB)');
  const folder = unpackedFolder(search);
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    const env = { PATH: search.path, LC_ALL: 'C', HOME: work };
    const own = ownLists(work);
    const download = (options: string[], packages: string[]) =>
      runCommand('apt-get', [...options, 'download', ...packages], { cwd: work, env, timeout: 120_000 });
    let options: string[] = asRoot() ? ['-o', 'APT::Sandbox::User=root'] : [];
    let result = await download(options, PACKAGES);
    if (result.code !== 0) {
      options = own;
      await runCommand('apt-get', [...options, 'update'], { cwd: work, env, timeout: 180_000 });
      result = await download(options, PACKAGES);
    }
    // A release that calls a library otherwise: take what there is; the version check below tells whether it is enough.
    if (result.code !== 0) for (const name of PACKAGES) await download(options, [name]);
    const files = readdirSync(work).filter((name) => name.endsWith('.deb'));
    if (files.length === 0) throw new LocalError(`apt-get download: ${lastLine(result.stderr)}`);
    const root = join(work, 'root');
    for (const file of files) await runCommand('dpkg', ['-x', join(work, file), root], { env });
    const works = await unpacked(root);
    if (!works) throw new LocalError('the downloaded Redis does not run on this machine');
    if (!existsSync(folder)) renameSync(root, folder);
    return await unpacked(folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function ownLists(work: string): string[] {
  mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(work, 'archives', 'partial'), { recursive: true });
  const options = {
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': work,
    'Dir::Cache::archives': join(work, 'archives'),
    'Debug::NoLocking': '1',
    ...(asRoot() ? { 'APT::Sandbox::User': 'root' } : {}),
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

async function byInstall(search: RedisSearch): Promise<RedisProgram | undefined> {
  if (!asRoot() || !findCommands('apt-get', search.path).length) return undefined;
  search.report?.('installing redis-server with apt-get');
  const env = { PATH: search.path, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await runCommand('apt-get', ['update'], { env, timeout: 180_000 });
  const args = ['install', '-y', '--no-install-recommends', 'redis-server'];
  const { code, stderr } = await runCommand('apt-get', args, { env, timeout: 300_000 });
  if (code !== 0) throw new LocalError(`apt-get install redis-server: ${lastLine(stderr)}`);
  const [file] = findCommands('redis-server', search.path, FOLDERS);
  const version = file && (await versionOf(file));
  return file && version ? { kind: 'program', file, version } : undefined;
}

async function byContainer(search: RedisSearch): Promise<RedisProgram | undefined> {
  for (const engine of ['docker', 'podman'].flatMap((name) => findCommands(name, search.path))) {
    const answer = await runCommand(engine, ['info'], { timeout: 10_000 });
    if (answer.code !== 0) continue;
    if ((await runCommand(engine, ['image', 'inspect', IMAGE])).code !== 0) {
      search.report?.(`pulling ${IMAGE}`);
      const { code, stderr } = await runCommand(engine, ['pull', IMAGE], { timeout: 300_000 });
      if (code !== 0) throw new LocalError(`${engine} pull ${IMAGE}: ${lastLine(stderr)}`);
    }
    return { kind: 'container', engine, image: IMAGE, version: `${IMAGE} in ${engine}` };
  }
  return undefined;
}

const asRoot = () => process.getuid?.() === 0;
const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? '';
