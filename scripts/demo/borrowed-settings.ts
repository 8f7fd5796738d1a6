import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createDataSource, Database } from '@task-engine/database';
import { LocalError } from '../local/local-error';
import type { EngineClient } from './engine-client';

type Setting = 'max_jobs' | 'priority_slots' | 'retry_limit' | 'retry_delay';
type Settings = Record<Setting, number>;

/**
 * Settings that the demo changes and puts back. What they were stands in a file as long as they are changed, so a demo that was killed is
 * put right by the next one.
 */
export class BorrowedSettings {
  private readonly changed = new Set<Setting>();

  private constructor(
    private readonly engine: EngineClient,
    private readonly file: string,
    private readonly original: Settings,
  ) {}

  /** Reads what is set now; the API has no way to ask for it, so from the database. */
  static async read(engine: EngineClient, databaseUrl: string, file: string): Promise<BorrowedSettings> {
    const left = leftBehind(file);
    const settings = new BorrowedSettings(engine, file, left ?? (await current(databaseUrl)));
    if (left) await settings.restore(Object.keys(left) as Setting[]);
    return settings;
  }

  async set(name: Setting, value: number): Promise<void> {
    writeFileSync(this.file, JSON.stringify(this.original));
    this.changed.add(name);
    await this.engine.set(name, value);
  }

  /** Puts back what was changed. @param engine to use instead of the own one, which an interruption has stopped */
  async restore(names: Iterable<Setting> = this.changed, engine = this.engine): Promise<void> {
    for (const name of names) await engine.set(name, this.original[name]);
    this.changed.clear();
    rmSync(this.file, { force: true });
  }
}

function leftBehind(file: string): Settings | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Settings;
  } catch {
    return undefined;
  }
}

async function current(url: string): Promise<Settings> {
  const source = await createDataSource({ url, poolSize: 1, applicationName: 'task-engine demo' }).initialize();
  try {
    const lane = await new Database(source).stores.lanes.findByName('engine');
    if (!lane) throw new LocalError('The database has no engine in it.');
    const { maxRunning, reservedSlots, retryLimit, retryDelaySeconds } = lane;
    return {
      max_jobs: maxRunning,
      priority_slots: reservedSlots,
      retry_limit: retryLimit,
      retry_delay: retryDelaySeconds,
    };
  } finally {
    await source.destroy();
  }
}
