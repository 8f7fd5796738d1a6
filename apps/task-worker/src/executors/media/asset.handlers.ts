import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TaskFailure } from '@task-engine/domain';
import { z } from 'zod';
import type { ExecutionContext, Executor } from '../executor';
import { handler, throwIfAborted } from '../handler';
import { openRoot } from '../storage/storage.handlers';
import type { LocalRoot } from '../storage/local-root';
import { inWorkDir, writeInPlace } from '../work-files';
import { clearMasterPattern, combinedPattern } from './asset-names';
import { MediaTools, concatenated, type MediaPrograms } from './ffmpeg';
import { parsePlaylist, STORAGE_SCHEME, type AudioRendition } from './hls-playlist';
import { storageUri } from './source-reader';
import { trackLanguage } from './track-facts';

const place = z.object({ storage: z.string(), root: z.string(), folder: z.string() });

const asset = z.object({ combined: z.string().nullable(), manifest: z.string().nullable() });

/** File of the work folder that createmp4 reads. */
const SOURCE_FILE = 'source.mp4';

/** `asset.find` and `asset.fetch`: the content of a finished asset (reference 2.5). */
export function assetHandlers(programs: MediaPrograms): Executor[] {
  return [
    handler('builtin:asset.find', place.extend({ content_id: z.string().min(1) }), async (given, context) => {
      const root = await openRoot(given, context);
      const names = (await root.list(given.folder)).filter((name) => !name.includes('/'));
      const combined = await newest(root, given.folder, names, combinedPattern(given.content_id));
      const manifest = combined ? null : await newest(root, given.folder, names, clearMasterPattern(given.content_id));
      if (!combined && !manifest)
        throw new TaskFailure(`No sources found in ${root.show(given.folder)}`, { retryable: false });
      context.log('INFO', `Source: ${root.show(given.folder, combined ?? manifest ?? '')}`);
      return { combined, manifest };
    }),

    handler(
      'builtin:asset.fetch',
      place.extend({ asset, retries: z.number().int().min(0).default(0) }),
      async ({ asset: found, retries, ...given }, context) => {
        const root = await openRoot(given, context);
        const path = inWorkDir(context.workDir, SOURCE_FILE);
        for (let attempt = 0; ; attempt += 1) {
          try {
            if (found.combined) await copyIn(root, `${given.folder}/${found.combined}`, path, context);
            else
              await joinSegments(
                new MediaTools(programs, context),
                root,
                `${given.folder}/${found.manifest ?? ''}`,
                path,
                context,
              );
            return { input: SOURCE_FILE };
          } catch (error) {
            throwIfAborted(context.signal);
            const final = error instanceof TaskFailure && !error.retryable;
            if (final || attempt >= retries) throw error;
            context.log('WARN', `Copying the source failed, ${retries - attempt} further attempts: ${describe(error)}`);
          }
        }
      },
    ),
  ];
}

/** Only the code: a file system error names a machine path. */
function describe(error: unknown): string {
  if (error instanceof TaskFailure) return error.message;
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

async function newest(root: LocalRoot, folder: string, names: string[], pattern: RegExp): Promise<string | null> {
  let best: { name: string; time: number } | null = null;
  for (const name of names.filter((candidate) => pattern.test(candidate))) {
    const time = (await stat(await root.path(`${folder}/${name}`))).mtimeMs;
    if (!best || time > best.time) best = { name, time };
  }
  return best?.name ?? null;
}

async function copyIn(root: LocalRoot, name: string, path: string, context: ExecutionContext): Promise<void> {
  await writeInPlace(path, context.executionId, (temporary) => root.read(name, temporary, context.signal));
}

/** Rebuilds one file from the segments of an asset without a combined file. Languages are in the master only. */
async function joinSegments(
  tools: MediaTools,
  root: LocalRoot,
  master: string,
  path: string,
  context: ExecutionContext,
): Promise<void> {
  const parsed = parsePlaylist(await root.readText(master), storageUri(master));
  if (parsed.kind !== 'master')
    throw new TaskFailure(`Unreadable playlist: ${root.show(master)}`, { retryable: false });
  const audio = (parsed.variants[0]?.audio ?? []).filter(
    (rendition): rendition is AudioRendition & { uri: string } => rendition.uri !== null,
  );
  const playlists = [...parsed.variants.map((variant) => variant.uri), ...audio.map((rendition) => rendition.uri)];
  const inputs: string[] = [];
  for (const [index, uri] of playlists.entries()) {
    const list = `source/list${index}.txt`;
    const lines = await fetchSegments(root, uri, `source/s${index}`, context);
    await mkdir(dirname(inWorkDir(context.workDir, list)), { recursive: true });
    await writeFile(inWorkDir(context.workDir, list), lines.map((line) => `${line}\n`).join(''));
    inputs.push(...concatenated(list, 'mov'));
  }
  const languages = audio.flatMap(({ language }, index) => [
    `-metadata:s:a:${index}`,
    `language=${trackLanguage(language)}`,
  ]);
  await writeInPlace(path, context.executionId, async (temporary) => {
    const name = temporary.slice(context.workDir.length + 1);
    const maps = playlists.flatMap((_, index) => ['-map', String(index)]);
    await tools.ffmpeg([
      '-copyts',
      ...inputs,
      ...maps,
      '-c',
      'copy',
      ...languages,
      '-movflags',
      '+faststart',
      '-f',
      'mp4',
      `file:${name}`,
    ]);
    await tools.probeOutput(name);
  });
}

async function fetchSegments(
  root: LocalRoot,
  uri: string,
  folder: string,
  context: ExecutionContext,
): Promise<string[]> {
  const nameOf = (resource: string) => decodeURIComponent(new URL(resource).pathname).replace(/^\/+/, '');
  const playlist = parsePlaylist(await root.readText(nameOf(uri)), uri);
  if (playlist.kind !== 'media')
    throw new TaskFailure(`Unreadable playlist: ${root.show(nameOf(uri))}`, { retryable: false });
  const wanted = [...(playlist.segments[0]?.map ? [playlist.segments[0].map] : []), ...playlist.segments];
  const files: string[] = [];
  for (const [index, resource] of wanted.entries()) {
    if (!resource.uri.startsWith(STORAGE_SCHEME))
      throw new TaskFailure(`Not a file of the asset: ${resource.uri}`, { retryable: false });
    const file = `${folder}_${String(index).padStart(6, '0')}.seg`;
    await copyIn(root, nameOf(resource.uri), inWorkDir(context.workDir, file), context);
    files.push(file);
  }
  return files;
}
