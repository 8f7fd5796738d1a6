import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TaskFailure } from '@task-engine/domain';
import { z } from 'zod';
import { inParallel } from '../in-parallel';
import type { ExecutionContext, Executor } from '../executor';
import { handler } from '../handler';
import { assetFile, inWorkDir, type AssetFile } from '../work-files';
import type { LocalRoot } from './local-root';
import { openRoot } from './storage.handlers';

/** Files of one role written at one time: most of the time goes into fsync, which overlaps. */
const PARALLEL_WRITES = 4;

/** A player that finds a manifest must find what it names, so media goes first and manifests last (reference 1.3). */
const ORDER = ['media', 'side', 'manifest'] as const;

/** Segment folders are one entry of a callback's `files` (reference 1.5). */
const SEGMENT_FOLDER = /^(media_[^/]+\/[^/]+\/)/;

const schema = z.object({
  storage: z.string(),
  root: z.string(),
  folder: z.string(),
  empty_target: z.boolean().default(false),
  list_segments: z.boolean().default(false),
  files: z.array(z.array(assetFile).nullable()),
});

/** `builtin:storage.publish`: uploads asset files to their folder. A repeated try does it all again, which gives the same files. */
export function publishHandler(): Executor {
  return handler('builtin:storage.publish', schema, async (given, context) => {
    const files = given.files.flatMap((list) => list ?? []);
    if (files.length === 0) throw new TaskFailure(`${context.taskName}: no output`, { retryable: false });
    const root = await openRoot(given, context);
    if (given.empty_target) {
      const count = await root.empty(given.folder);
      if (count > 0) context.log('INFO', `Removed ${count} files from ${root.show(given.folder)}`);
    }
    await removeStaleParts(root, given.folder, files, context);
    for (const role of ORDER) {
      await upload(
        root,
        given.folder,
        files.filter((file) => file.role === role),
        context,
      );
    }
    const ordered = ORDER.flatMap((role) => files.filter((file) => file.role === role));
    const shown = ordered.map(({ name }) => {
      const segments = given.list_segments ? null : SEGMENT_FOLDER.exec(name);
      return segments ? `${root.show(given.folder, segments[1] ?? '')}/` : root.show(given.folder, name);
    });
    return { path: root.show(given.folder), files: [...new Set(shown)] };
  });
}

async function upload(root: LocalRoot, folder: string, files: AssetFile[], context: ExecutionContext): Promise<void> {
  let segments = 0;
  await inParallel(files, PARALLEL_WRITES, context.signal, async (file, signal) => {
    const name = `${folder}/${file.name}`;
    const bytes = await root.write(inWorkDir(context.workDir, file.path), name, writerOf(context), signal);
    if (SEGMENT_FOLDER.test(file.name)) segments += 1;
    else context.log('INFO', `Uploaded ${root.show(name)} (${bytes} bytes)`);
  });
  if (segments > 0) context.log('INFO', `Uploaded ${segments} segment files to ${root.show(folder)}`);
}

function writerOf(context: ExecutionContext): string {
  return `${context.jobId}-${context.executionId}`;
}

/** Removes unfinished files that an earlier, killed execution of this job left in the folders about to be written. */
async function removeStaleParts(
  root: LocalRoot,
  folder: string,
  files: AssetFile[],
  context: ExecutionContext,
): Promise<void> {
  const folders = new Set<string>();
  for (const file of files) folders.add(dirname(`${folder}/${file.name}`));
  for (const name of folders) {
    const directory = await root.path(name);
    for (const entry of await readdir(directory).catch(() => [])) {
      if (!entry.endsWith('.part') || !entry.includes(`.${context.jobId}-`) || entry.includes(`.${writerOf(context)}.`))
        continue;
      await rm(join(directory, entry), { force: true });
    }
  }
}
