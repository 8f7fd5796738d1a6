import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeFacts, type MediaFacts, mediaFacts } from './media-facts';
import type { MediaTools } from '../local/media-tools';
import { shorten } from './screen';

/** A file, or a folder of segments, that a job's callback names. */
export interface ProducedFile {
  name: string;
  /** Bytes; undefined when it is not there. */
  size?: number;
  facts?: MediaFacts;
  /** What it is, in a few words. */
  what: string;
}

/** Looks at what a callback names. @param paths relative to `storage`; folders end in `/` */
export function producedFiles(tools: MediaTools, storage: string, paths: string[]): Promise<ProducedFile[]> {
  return Promise.all(paths.map((path) => (path.endsWith('/') ? folder(storage, path) : file(tools, storage, path))));
}

async function folder(storage: string, path: string): Promise<ProducedFile> {
  const place = join(storage, path);
  const names = await readdir(place).catch(() => []);
  const sizes = await Promise.all(names.map((name) => sizeOf(join(place, name))));
  const size = names.length === 0 ? undefined : sizes.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
  return { name: shorten(path.split('/').slice(-3).join('/')), size, what: `${names.length} files: segments` };
}

async function file(tools: MediaTools, storage: string, path: string): Promise<ProducedFile> {
  const place = join(storage, path);
  const name = basename(path);
  const size = await sizeOf(place);
  if (size === undefined) return { name: shorten(name), what: '' };
  if (name.endsWith('.json')) return { name, size, what: 'what the engine found in the result' };
  // Its samples lie in the combined file, where ffprobe does not follow.
  if (name.endsWith('_dref.mp4')) return { name: shorten(name), size, what: 'reference MP4' };
  const facts = await mediaFacts(tools, place);
  const kind = name.endsWith('.m3u8') ? 'HLS: ' : name.endsWith('.mpd') ? 'DASH: ' : '';
  // ffprobe reads whole seconds only in a DASH manifest.
  if (facts && name.endsWith('.mpd')) facts.duration = undefined;
  return { name: shorten(name), size, facts, what: facts ? kind + describeFacts(facts) : `${kind}not readable here` };
}

const sizeOf = (path: string) =>
  stat(path).then(
    (found) => found.size,
    () => undefined,
  );
