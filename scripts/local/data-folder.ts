import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LocalError, reasonOf } from './local-error';
import { freePort, isPortFree } from './ports';
import { identityOf } from './process-identity';

/** What a data folder keeps about its servers from one run to the next. */
export interface ServerSettings {
  postgresPort: number;
  postgresPassword: string;
  redisPort: number;
  redisPassword: string;
}

/** Who holds a data folder. */
export interface Holder {
  pid: number;
  /** Start time: the number alone may belong to another process by now. */
  identity: string;
  /** Where it serves, if it does. */
  url?: string;
  databaseUrl?: string;
  redisUrl?: string;
}

/** One local run's folder: held by one process at a time, with the servers' ports and passwords in it. */
export class DataFolder {
  private holder?: Holder;

  private constructor(readonly path: string) {}

  /**
   * Makes the folder and takes it for this process.
   * @throws LocalError when another living process holds it, or it cannot be written.
   */
  static take(path: string): DataFolder {
    const folder = new DataFolder(resolve(path));
    try {
      mkdirSync(folder.path, { recursive: true });
      folder.lock();
    } catch (error) {
      if (error instanceof LocalError) throw error;
      throw new LocalError(`The data folder ${folder.path} cannot be used: ${reasonOf(error)}`);
    }
    return folder;
  }

  /** The living process that holds the folder, if any. */
  static holderOf(path: string): Holder | undefined {
    const holder = readJson<Holder>(join(resolve(path), 'instance.lock'));
    return holder && identityOf(holder.pid) === holder.identity ? holder : undefined;
  }

  /** @throws LocalError when another living process holds the folder. */
  static refuseIfHeld(path: string): void {
    const other = DataFolder.holderOf(path);
    if (!other) return;
    const where = other.url ? `, ${other.url}` : '';
    throw new LocalError(
      `Another instance (process ${other.pid}${where}) uses the data folder ${resolve(path)}. ` +
        `Stop it, or set DATA_DIR (and PORT) for this one.`,
    );
  }

  /** A path below the folder. */
  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Lets others (the CLI, a second start) know where this run serves. */
  announce(facts: Pick<Holder, 'url' | 'databaseUrl' | 'redisUrl'>): void {
    this.holder = { ...this.requireHolder(), ...facts };
    replace(this.lockFile, JSON.stringify(this.holder));
  }

  /** Gives the folder free. */
  release(): void {
    if (this.holder && DataFolder.holderOf(this.path)?.pid === this.holder.pid) rmSync(this.lockFile, { force: true });
    this.holder = undefined;
  }

  /** Ports and passwords of the servers: the ones of the last run, unless a port is taken by somebody else now. */
  async serverSettings(): Promise<ServerSettings> {
    const file = this.at('servers.json');
    const kept = readJson<Partial<ServerSettings>>(file) ?? {};
    const settings: ServerSettings = {
      postgresPort: await this.port(kept.postgresPort),
      postgresPassword: kept.postgresPassword ?? randomBytes(18).toString('base64url'),
      redisPort: await this.port(kept.redisPort),
      redisPassword: kept.redisPassword ?? randomBytes(18).toString('base64url'),
    };
    replace(file, JSON.stringify(settings, null, 2));
    return settings;
  }

  /** Signs bearer tokens of /api: random, and from then on the same. */
  jwtSecret(): string {
    const file = this.at('jwt-secret');
    if (!existsSync(file)) replace(file, randomBytes(32).toString('base64url'));
    return readFileSync(file, 'utf8').trim();
  }

  private async port(kept: number | undefined): Promise<number> {
    return kept !== undefined && (await isPortFree(kept)) ? kept : freePort();
  }

  private get lockFile(): string {
    return this.at('instance.lock');
  }

  private requireHolder(): Holder {
    if (!this.holder) throw new LocalError(`${this.path} is not held by this process.`);
    return this.holder;
  }

  /** `link` makes the lock appear whole or not at all; a dead holder's lock is moved away first, and only if it is still that one. */
  private lock(): void {
    const holder: Holder = { pid: process.pid, identity: identityOf(process.pid) ?? '' };
    const draft = `${this.lockFile}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
    try {
      for (let attempt = 0; attempt < 5; attempt++) {
        try {
          linkSync(draft, this.lockFile);
          this.holder = holder;
          return;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        }
        DataFolder.refuseIfHeld(this.path);
        this.removeDeadLock();
      }
      throw new LocalError(`Several instances are starting on ${this.path} at once; this one gives way.`);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  private removeDeadLock(): void {
    const aside = `${this.lockFile}.dead.${process.pid}`;
    try {
      renameSync(this.lockFile, aside);
    } catch {
      return;
    }
    const moved = readJson<Holder>(aside);
    if (moved && identityOf(moved.pid) === moved.identity) {
      // Somebody took the folder between the look and the move: put the lock back.
      try {
        linkSync(aside, this.lockFile);
      } catch {
        // A third one was quicker; the next round sees it.
      }
    }
    unlinkSync(aside);
  }
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** These files hold passwords. */
function replace(file: string, content: string): void {
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, file);
}
