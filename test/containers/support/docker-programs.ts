import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { findCommands, isExecutable, runCommand } from '../../../scripts/local/commands';

/** Everything a container needs: the engine's programs, and one static program for images. */
export interface DockerPrograms {
  /** Goes before PATH. */
  folder: string;
  /** For LD_LIBRARY_PATH. */
  libraries: string;
  busybox: string;
}

const PROGRAMS = ['dockerd', 'containerd', 'containerd-shim-runc-v2', 'runc'];
/** Where packages put them. */
const FOLDERS = ['usr/sbin', 'usr/bin', 'sbin', 'bin'];

/**
 * The engine of this machine, or Debian's from the cache, downloaded when it is not there yet (67 MB). It is unpacked, not installed: an installed
 * one would start a service, with a bridge and firewall rules, on whatever machine the tests run.
 * @returns what is missing, in one line, when there is no way
 */
export async function dockerPrograms(env: NodeJS.ProcessEnv): Promise<DockerPrograms | string> {
  if (process.platform !== 'linux') return 'containers need Linux';
  if (process.getuid?.() !== 0) return 'an engine of their own needs root';
  const cache = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'task-engine', `docker-${process.arch}`);
  const path = env.PATH ?? '';
  return (await installed(path)) ?? cached(cache) ?? (await downloaded(cache, path));
}

async function installed(path: string): Promise<DockerPrograms | undefined> {
  const [dockerd] = findCommands('dockerd', path, ['/usr/sbin', '/usr/bin']);
  const complete = PROGRAMS.every((name) => findCommands(name, path, ['/usr/sbin', '/usr/bin']).length > 0);
  if (!dockerd || !complete) return undefined;
  for (const busybox of findCommands('busybox', path, ['/bin', '/usr/bin'])) {
    // A linked one would need its libraries in the image.
    const { code } = await runCommand('ldd', [busybox]);
    if (code !== 0) return { folder: dirname(dockerd), libraries: '', busybox };
  }
  return undefined;
}

function cached(folder: string): DockerPrograms | undefined {
  const present = [...PROGRAMS, 'busybox'].every((name) => isExecutable(join(folder, 'bin', name)));
  return present
    ? { folder: join(folder, 'bin'), libraries: join(folder, 'lib'), busybox: join(folder, 'bin', 'busybox') }
    : undefined;
}

async function downloaded(cache: string, path: string): Promise<DockerPrograms | string> {
  if (findCommands('apt-get', path).length === 0) return 'dockerd is not installed, and there is no apt-get to get it';
  mkdirSync(dirname(cache), { recursive: true });
  const work = mkdtempSync(`${cache}-`);
  try {
    const fault = await download(work, path);
    if (fault !== undefined) return `docker.io could not be downloaded: ${fault}`;
    const root = join(work, 'root');
    for (const name of readdirSync(work)) {
      if (name.endsWith('.deb')) await runCommand('dpkg', ['-x', join(work, name), root]);
    }
    const chosen = join(work, 'chosen');
    choose(root, chosen);
    // Another run may have been faster.
    if (!existsSync(cache)) renameSync(chosen, cache);
    return cached(cache) ?? 'the packages docker.io and busybox-static lack a program that is needed';
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Only what this machine lacks comes: apt knows which libraries those are. */
async function download(work: string, path: string): Promise<string | undefined> {
  mkdirSync(join(work, 'partial'));
  const env = { PATH: path, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-o', `Dir::Cache::archives=${work}`, '-o', 'APT::Sandbox::User=root', '-o', 'Debug::NoLocking=1'];
  const get = () =>
    runCommand(
      'apt-get',
      ['install', '-y', '--no-install-recommends', '--download-only', ...options, 'docker.io', 'busybox-static'],
      { env, timeout: 300_000 },
    );
  if ((await get()).code === 0) return undefined;
  await runCommand('apt-get', ['update'], { env, timeout: 180_000 });
  const { code, stderr } = await get();
  return code === 0 ? undefined : (stderr.trim().split('\n').at(-1) ?? 'apt-get failed');
}

/** 150 of 260 MB: no clients, no firewall. */
function choose(root: string, folder: string): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'lib'));
  for (const name of [...PROGRAMS, 'busybox']) {
    const file = FOLDERS.map((each) => join(root, each, name)).find(isExecutable);
    if (file) copyFileSync(file, join(folder, 'bin', name));
  }
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((each) => /\/lib[^/]*\.so(\.[0-9.]+)?$/.test(each))) {
    copyFileSync(join(root, file), join(folder, 'lib', basename(file)));
  }
}
