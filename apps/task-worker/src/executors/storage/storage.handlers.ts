import { access } from 'node:fs/promises';
import { TaskFailure } from '@task-engine/domain';
import { z } from 'zod';
import type { ExecutionContext, Executor } from '../executor';
import { handler, throwIfAborted } from '../handler';
import { inWorkDir, readDocument, writeDocument } from '../work-files';
import { LocalRoot } from './local-root';

const place = z.object({ storage: z.string(), root: z.string(), folder: z.string() });

/** Opens the root that `storage` and `root` of a task name, with the published log line. */
export function openRoot(given: { storage: string; root: string }, context: ExecutionContext): Promise<LocalRoot> {
  return LocalRoot.open(context.clientConfiguration, given.storage, given.root, (line) => context.log('INFO', line));
}

/** Names of what is to be deleted, kept so that a repeated try still knows what its earlier one removed. */
const DELETION_RECORD = 'deletion.json';

/** Listing and deleting: voddelete and asset_delete (reference 2.3, 2.10). */
export function storageHandlers(): Executor[] {
  return [
    handler('builtin:storage.list', place, async (given, context) => {
      const root = await openRoot(given, context);
      const files = await root.list(given.folder);
      context.log('INFO', `${files.length} files in ${root.show(given.folder)}`);
      return { files };
    }),

    handler('builtin:storage.delete_folder', place.extend({ files: z.array(z.string()) }), async (given, context) => {
      const root = await openRoot(given, context);
      if (given.files.length === 0) context.log('WARN', `Nothing to delete in ${root.show(given.folder)}`);
      for (const file of given.files) {
        throwIfAborted(context.signal);
        if (await root.remove(`${given.folder}/${file}`))
          context.log('INFO', `Deleted ${root.show(given.folder, file)}`);
      }
      await root.removeEmptyFolders(given.folder);
      return {};
    }),

    handler('builtin:storage.verify_deleted', place, async (given, context) => {
      const root = await openRoot(given, context);
      const left = await root.list(given.folder);
      if (left.length > 0) {
        throw new TaskFailure(`${left.length} files remain in ${root.show(given.folder)}, first ${left[0]}`, {
          retryable: false,
        });
      }
      return {};
    }),

    handler(
      'builtin:storage.delete_files',
      z.object({ storage: z.string(), root: z.string(), files: z.array(z.string()) }),
      async (given, context) => {
        const root = await openRoot(given, context);
        const existing = await findDeletable(root, given.files, context);
        for (const file of existing) {
          throwIfAborted(context.signal);
          if (await root.remove(file)) context.log('INFO', `Deleted ${root.show(file)}`);
        }
        return { files: existing };
      },
    ),
  ];
}

/** The files that exist, in the order given. All are looked at before the first is deleted: a folder among them must not cost the others. */
async function findDeletable(root: LocalRoot, files: string[], context: ExecutionContext): Promise<string[]> {
  const recorded = await access(inWorkDir(context.workDir, DELETION_RECORD)).then(
    () => readDocument<string[]>(context.workDir, DELETION_RECORD),
    () => null,
  );
  if (recorded) return recorded;
  const existing: string[] = [];
  for (const file of new Set(files)) {
    const kind = await root.kind(file);
    if (kind === 'folder') throw new TaskFailure(`Not a file: ${root.show(file)}`, { retryable: false });
    if (kind === 'file') existing.push(file);
    else context.log('WARN', `File not found: ${root.show(file)}`);
  }
  await writeDocument(context.workDir, DELETION_RECORD, context.executionId, existing);
  return existing;
}
