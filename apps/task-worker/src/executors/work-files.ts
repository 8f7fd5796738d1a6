import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { TaskFailure, type Json } from '@task-engine/domain';
import { z } from 'zod';

/** A file of the work folder that storage.publish uploads: `name` is its place below the target folder. */
export const assetFile = z.object({
  path: z.string().min(1),
  name: z.string().min(1),
  role: z.enum(['media', 'side', 'manifest']),
});
export type AssetFile = z.output<typeof assetFile>;

/** Absolute path of a file of the work folder. Throws a final TaskFailure for a name that leaves it. */
export function inWorkDir(workDir: string, name: string): string {
  const path = resolve(workDir, name);
  if (!path.startsWith(workDir.endsWith(sep) ? workDir : workDir + sep) || name.includes('\0')) {
    throw new TaskFailure(`File name leaves the work folder: ${name}`, { retryable: false });
  }
  return path;
}

/**
 * A name beside `path` that belongs to one execution: two executions of one task may overlap for a moment when a lease was lost, so
 * each writes its own file and the finished one is renamed into place. The extension stays: ffmpeg chooses the format by it.
 */
export function temporaryName(path: string, executionId: string): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}.${executionId}.${path.slice(slash)}`;
}

/** Has `write` make a file (or folder) under a temporary name and moves it into place; nothing is left under either name when it fails. */
export async function writeInPlace<T>(
  path: string,
  executionId: string,
  write: (temporary: string) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryName(path, executionId);
  await rm(temporary, { recursive: true, force: true });
  try {
    const result = await write(temporary);
    // rename(2) replaces a file, but not a folder that holds something.
    if ((await stat(temporary)).isDirectory()) await rm(path, { recursive: true, force: true });
    await rename(temporary, path);
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Writes a JSON document that a later task reads. Kept out of task outputs because it grows with the number of segments. */
export async function writeDocument(
  workDir: string,
  name: string,
  executionId: string,
  document: unknown,
): Promise<void> {
  await writeInPlace(inWorkDir(workDir, name), executionId, (temporary) =>
    writeFile(temporary, JSON.stringify(document)),
  );
}

/** Reads what `writeDocument` wrote. Throws a final TaskFailure when the earlier task's file is gone. */
export async function readDocument<T>(workDir: string, name: string): Promise<T> {
  try {
    return JSON.parse(await readFile(inWorkDir(workDir, name), 'utf8')) as T;
  } catch (cause) {
    throw new TaskFailure(`Work file ${name} is missing or damaged`, { retryable: false, cause });
  }
}

/**
 * One random id per job and purpose, kept in the work folder: a task that runs again after a crash finds the names of its
 * first run and overwrites its files instead of leaving a second set.
 */
export async function stableGuid(workDir: string, purpose: string): Promise<string> {
  const path = inWorkDir(workDir, `.guid-${purpose}`);
  for (;;) {
    const known = await readFile(path, 'utf8').catch(() => '');
    if (known.length === 36) return known;
    try {
      const file = await open(path, 'wx');
      await file.writeFile(randomUUID());
      await file.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // Another execution is writing it at this moment, or died before it had: an empty file is replaced.
      if (known === '' && (await stat(path)).size === 0) await rm(path, { force: true });
    }
  }
}

/** Asset files as a task output. */
export function asOutput(files: AssetFile[]): Json {
  return files.map((file) => ({ ...file }));
}
