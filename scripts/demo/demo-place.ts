import { join, resolve } from 'node:path';
import type { LocalRunConfiguration } from '@task-engine/platform';
import { DataFolder } from '../local/data-folder';
import { isPortFree } from '../local/ports';

/** Where a demo runs. */
export interface DemoPlace {
  dataDir: string;
  /** 0 takes a free one. */
  port: number;
  /** What is not as it was asked for, one sentence each. */
  notes: string[];
}

/** The demo's own folder below a data folder that it must leave alone. */
export const ownFolder = (dataDir: string) => join(dataDir, 'demo');

/**
 * The folder and the port that were asked for. Another instance is no reason to fail: the demo steps aside, into a folder of its own below
 * the one that is held, and to a free port.
 * @throws LocalError when both folders are held, or the folder is and the database is an external one that both would share
 */
export async function demoPlace(configuration: LocalRunConfiguration): Promise<DemoPlace> {
  const { HOST, PORT, DATA_DIR, DATABASE_URL, REDIS_URL } = configuration;
  const asked = resolve(DATA_DIR);
  const notes: string[] = [];
  const holder = DataFolder.holderOf(asked);
  if (holder && (DATABASE_URL || REDIS_URL)) DataFolder.refuseIfHeld(asked);
  const dataDir = holder ? ownFolder(asked) : asked;
  DataFolder.refuseIfHeld(dataDir);
  if (holder) {
    const where = holder.url ? ` at ${holder.url}` : '';
    notes.push(`Another instance${where} uses ${asked}: this demo has a folder of its own in it.`);
  }
  const portFree = PORT === 0 || (await isPortFree(PORT, HOST));
  if (!portFree) notes.push(`Port ${PORT} is not available: this demo serves on a free one.`);
  return { dataDir, port: portFree ? PORT : 0, notes };
}
