import { rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/** Most commands leave nothing in their folder: then one call does, which takes less time than to hand it to another thread. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    rmdirSync(folder);
  } catch {
    await rm(folder, { recursive: true, force: true });
  }
}
