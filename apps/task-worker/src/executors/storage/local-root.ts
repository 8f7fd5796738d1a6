import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, readFile, realpath, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TaskFailure } from '@task-engine/domain';
import type { ClientConfiguration } from '@task-engine/workflows';

/**
 * One root of a client's `local` storage (reference 1.3). Names are relative to the root folder and use `/`; what is shown in logs and
 * outputs starts with the root folder and never with the base. Symbolic links are followed, but nothing outside the base's real path is
 * ever read, written or removed.
 */
export class LocalRoot {
  private constructor(
    /** Root folder as configured, e.g. `content/vod`. */
    readonly folder: string,
    private readonly base: string,
  ) {}

  /**
   * @param key name of the root entry (`output_root`), not a path
   * @param log told which folder the root is, as the published log sample shows it
   * Throws a final TaskFailure when the client has no such root or the kind is not built.
   */
  static async open(
    client: ClientConfiguration,
    kind: string,
    key: string,
    log: (line: string) => void,
  ): Promise<LocalRoot> {
    if (kind !== 'local') throw new TaskFailure(`Not supported: storage ${kind}`, { retryable: false });
    const storage = client.storage.local;
    const folder = storage && Object.hasOwn(storage, key) && key !== 'base' ? storage[key] : undefined;
    if (!storage || typeof folder !== 'string') {
      throw new TaskFailure(`Not configured: storage root ${key} of kind ${kind}`, { retryable: false });
    }
    const name = splitName(folder).join('/');
    log(`Root key: ${key} Root Folder: ${name}`);
    await mkdir(storage.base, { recursive: true });
    return new LocalRoot(name, await realpath(storage.base));
  }

  /** The name as logs, messages and outputs show it: `content/vod/demo_1/x.m3u8`. */
  show(...names: string[]): string {
    return [this.folder, ...names.flatMap(splitName)].filter((part) => part !== '').join('/');
  }

  /**
   * Absolute path of a name, which need not exist. `entry: true` is for removing: the last part may be a link to anywhere, for the link
   * itself is what is meant. Throws a final TaskFailure for a name that leaves the base.
   */
  async path(name: string, { entry = false } = {}): Promise<string> {
    const parts = splitName(name);
    if (parts.length === 0 || name.includes('\0') || name.includes('\\') || parts.includes('..'))
      throw this.outside(name);
    const path = join(this.base, ...splitName(this.folder), ...parts);
    let existing = entry ? dirname(path) : path;
    for (;;) {
      const real = await realpath(existing).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        if (error.code === 'ENOTDIR' || error.code === 'ELOOP') throw this.outside(name);
        throw error;
      });
      if (real === null) {
        // A dangling link would be followed when it is written to, so it counts as leaving the base.
        if (await isLink(existing)) throw this.outside(name);
        existing = dirname(existing);
        continue;
      }
      if (real !== this.base && !real.startsWith(this.base.endsWith(sep) ? this.base : this.base + sep))
        throw this.outside(name);
      return path;
    }
  }

  /** Names of all files below a folder, relative to it, sorted. Links are listed, not entered. A folder that does not exist: []. */
  async list(folder: string): Promise<string[]> {
    const path = await this.path(folder);
    const names: string[] = [];
    const walk = async (directory: string, prefix: string): Promise<void> => {
      const entries = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        if (error.code === 'ENOTDIR') throw new TaskFailure(`Not a folder: ${this.show(folder)}`, { retryable: false });
        throw error;
      });
      for (const entry of entries) {
        if (entry.isDirectory()) await walk(join(directory, entry.name), `${prefix}${entry.name}/`);
        else names.push(prefix + entry.name);
      }
    };
    await walk(path, '');
    return names.sort();
  }

  /** `file`, `folder` or null for a name that does not exist. */
  async kind(name: string): Promise<'file' | 'folder' | null> {
    const entry = await lstat(await this.path(name, { entry: true })).catch(ignoreAbsent);
    return entry ? (entry.isDirectory() ? 'folder' : 'file') : null;
  }

  /** Removes one file. False when it was absent. */
  async remove(name: string): Promise<boolean> {
    const path = await this.path(name, { entry: true });
    return unlink(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
        throw error;
      },
    );
  }

  /** Removes the empty folders at and below a folder; one that holds a file stays. */
  async removeEmptyFolders(folder: string): Promise<void> {
    const walk = async (directory: string): Promise<void> => {
      const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) if (entry.isDirectory()) await walk(join(directory, entry.name));
      await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
        // ENOTDIR: the folder itself is a link; what it stood for is emptied, the link stays.
        if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(error.code ?? '')) throw error;
      });
    };
    await walk(await this.path(folder));
  }

  /** Removes everything in a folder; returns how many files that were. */
  async empty(folder: string): Promise<number> {
    const names = await this.list(folder);
    for (const name of names) await this.remove(`${folder}/${name}`);
    await this.removeEmptyFolders(folder);
    return names.length;
  }

  /**
   * Copies a local file to a name: written under another name, checked by size, renamed. Readers see the old file or the new one.
   * @param writer makes the temporary name unique; the same for all files of one execution
   */
  async write(source: string, name: string, writer: string, signal: AbortSignal): Promise<number> {
    const target = await this.path(name);
    await mkdir(dirname(target), { recursive: true });
    const temporary = join(dirname(target), `.${name.slice(name.lastIndexOf('/') + 1)}.${writer}.part`);
    try {
      // flush: fsync before the rename, or a power cut could leave an empty file under the final name.
      await pipeline(createReadStream(source), createWriteStream(temporary, { flush: true }), { signal });
      const [wanted, written] = await Promise.all([stat(source), stat(temporary)]);
      if (wanted.size !== written.size) {
        throw new TaskFailure(`${this.show(name)}: ${written.size} of ${wanted.size} bytes arrived`);
      }
      await rename(temporary, target);
      return written.size;
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Copies a file of this root to a path outside it. Throws a final TaskFailure when there is no such file. */
  async read(name: string, path: string, signal: AbortSignal): Promise<void> {
    await pipeline(createReadStream(await this.existing(name)), createWriteStream(path), { signal });
  }

  /** A small text file of this root. */
  async readText(name: string): Promise<string> {
    return readFile(await this.existing(name), 'utf8');
  }

  private async existing(name: string): Promise<string> {
    const path = await this.path(name);
    const entry = await stat(path).catch(ignoreAbsent);
    if (!entry?.isFile()) throw new TaskFailure(`File not found: ${this.show(name)}`, { retryable: false });
    return path;
  }

  private outside(name: string): TaskFailure {
    return new TaskFailure(`${JSON.stringify(name)} must name a place below the storage root`, { retryable: false });
  }
}

/** Parts of a `/`-separated name; a leading or doubled `/` and `.` mean nothing. */
function splitName(name: string): string[] {
  return name.split('/').filter((part) => part !== '' && part !== '.');
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (entry) => entry.isSymbolicLink(),
    () => false,
  );
}

function ignoreAbsent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}
