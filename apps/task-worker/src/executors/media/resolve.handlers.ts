import { setTimeout as wait } from 'node:timers/promises';
import { TaskFailure, type Json } from '@task-engine/domain';
import type { OutboundHttp } from '@task-engine/platform';
import { z } from 'zod';
import type { ExecutionContext, Executor } from '../executor';
import { handler, throwIfAborted } from '../handler';
import { LocalRoot } from '../storage/local-root';
import { writeDocument } from '../work-files';
import {
  PLAN_FILE,
  allSegments,
  type CapturePlan,
  type FileClip,
  type HlsClip,
  type PlannedStream,
} from './capture-plan';
import { parsePlaylist, type HlsVariant, type MediaPlaylist } from './hls-playlist';
import { clock, position, seconds, shownPosition, type Position } from './media-time';
import { selectSegments, type Selection } from './select-segments';
import { SourceReader, storageUri, type SourceLimits } from './source-reader';

const time = z.union([z.string(), z.number()]).nullish();

const clipSchema = z.object({
  source: z.string().nullish(),
  local_source: z.string().nullish(),
  start: time,
  end: time,
});

const resolveSchema = z.object({
  clips: z.array(clipSchema).min(1),
  storage: z.string(),
  input_root: z.string(),
  wait: z.number().min(0).default(60),
});

const resolveFrameSchema = z.object({ source: z.string(), time: z.union([z.string(), z.number()]) });

/** The playlists of a clip, leading picture first, with what they hold. */
interface Streams {
  described: PlannedStream[];
  playlists: MediaPlaylist[];
}

/** `capture.resolve` and `capture.resolve_frame`: read playlists and decide which segments are needed (reference 2.2, 2.9). */
export function resolveHandlers(outbound: OutboundHttp, limits: SourceLimits): Executor[] {
  return [
    handler(
      'builtin:capture.resolve',
      resolveSchema,
      async ({ clips, storage, input_root: rootKey, wait: waitSeconds }, context) => {
        const needsRoot = clips.some((clip) => clip.local_source);
        const root = needsRoot
          ? await LocalRoot.open(context.clientConfiguration, storage, rootKey, (line) => context.log('INFO', line))
          : null;
        const reader = new SourceReader(outbound, limits, context, root);
        const plan: CapturePlan = { clips: [] };
        for (const [index, clip] of clips.entries()) {
          const uri = clip.source ?? (clip.local_source ? storageUri(clip.local_source) : null);
          if (!uri) throw new TaskFailure(`Missing required parameter: clips[${index}].source`, { retryable: false });
          plan.clips.push(await resolveClip(new ClipResolver(reader, context, index, waitSeconds), uri, clip));
        }
        // The download reads the same root; it gets only this output.
        return { ...(await store(plan, context)), ...(needsRoot ? { storage, input_root: rootKey } : {}) };
      },
    ),

    handler('builtin:capture.resolve_frame', resolveFrameSchema, async ({ source, time: given }, context) => {
      const reader = new SourceReader(outbound, limits, context, null);
      return store({ clips: [await resolveFrame(reader, source, given)] }, context);
    }),
  ];
}

async function store(
  plan: CapturePlan,
  context: ExecutionContext,
): Promise<{ plan: string; clips: number; segments: number }> {
  await writeDocument(context.workDir, PLAN_FILE, context.executionId, plan);
  const segments = plan.clips
    .flatMap((clip) => (clip.kind === 'hls' ? clip.runs.flatMap((run) => run.streams) : []))
    .reduce((sum, part) => sum + allSegments(part).length, 0);
  return { plan: PLAN_FILE, clips: plan.clips.length, segments };
}

async function resolveClip(
  resolver: ClipResolver,
  uri: string,
  clip: z.output<typeof clipSchema>,
): Promise<HlsClip | FileClip> {
  const start = position(clip.start);
  const end = position(clip.end);
  const text = await resolver.reader.playlistText(uri);
  if (text === null) return fileClip(resolver.reader, uri, start, end);
  const { described, playlists } = await resolver.streams(text, uri, end);
  requireReadable(resolver.reader, uri, playlists, [start, end]);
  const selection = selectSegments(
    playlists.map((playlist) => playlist.segments),
    { start, end },
  );
  const source = resolver.reader.show(uri);
  if (selection.runs.length === 0) {
    throw new TaskFailure(`No media between ${clip.start ?? 'the begin'} and ${clip.end ?? 'the end'} in ${source}`, {
      retryable: false,
    });
  }
  resolver.warnMissing(selection, playlists[0] as MediaPlaylist, start, end);
  const lengthUs = lengthOf(playlists[0] as MediaPlaylist);
  return { kind: 'hls', source, streams: described, runs: selection.runs, gaps: selection.gaps, lengthUs };
}

/** One clip with the segment that covers the time and the one after it: the first frame at or after the time may be its first. */
async function resolveFrame(reader: SourceReader, uri: string, given: string | number): Promise<HlsClip | FileClip> {
  const at = position(given) as Position;
  const text = await reader.playlistText(uri);
  if (text === null) return fileClip(reader, uri, at, null);
  const parsed = parsePlaylist(text, uri);
  const variant = parsed.kind === 'master' ? parsed.variants[0] : undefined;
  const playlist = parsed.kind === 'media' ? parsed : await mediaPlaylist(reader, (variant as HlsVariant).uri);
  requireReadable(reader, uri, [playlist], [at]);
  const { runs, gaps } = selectSegments([playlist.segments], { start: at, end: null });
  if (runs.length === 0) throw beyondEnd('frame_time', given, lengthOf(playlist));
  let left = 2;
  const near = runs.flatMap((run) => {
    const part = run.streams[0];
    if (!part || left === 0) return [];
    const segments = part.segments.slice(0, left);
    left -= segments.length;
    return [{ ...run, endUs: null, streams: [{ segments, tail: null }] }];
  });
  const bandwidth = variant?.bandwidth ?? 0;
  const streams: PlannedStream[] = [{ role: 'video', bandwidth, language: null, name: null }];
  return { kind: 'hls', source: reader.show(uri), streams, runs: near, gaps, lengthUs: lengthOf(playlist) };
}

/** `<name> <value> is beyond the end of the source (<duration>)`, reference 1.7. */
export function beyondEnd(label: string, value: Json, durationUs: number): TaskFailure {
  return new TaskFailure(`${label} ${String(value)} is beyond the end of the source (${clock(durationUs / 1e6)})`, {
    retryable: false,
  });
}

/** `Source has no wall clock: <source>`, reference 1.2. */
export function noWallClock(source: string): TaskFailure {
  return new TaskFailure(`Source has no wall clock: ${source}`, { retryable: false });
}

function fileClip(reader: SourceReader, uri: string, start: Position | null, end: Position | null): FileClip {
  const source = reader.show(uri);
  if (start?.kind === 'instant' || end?.kind === 'instant') throw noWallClock(source);
  return { kind: 'file', source, resource: { uri }, start, end };
}

function requireReadable(
  reader: SourceReader,
  uri: string,
  playlists: MediaPlaylist[],
  positions: (Position | null)[],
): void {
  if (playlists.some((playlist) => playlist.segments.some((segment) => segment.encrypted))) {
    throw new TaskFailure(`Not supported: encrypted source ${reader.show(uri)}`, { retryable: false });
  }
  const hasClock = playlists[0]?.segments[0]?.wallUs !== null;
  if (!hasClock && positions.some((at) => at?.kind === 'instant')) throw noWallClock(reader.show(uri));
}

function lengthOf(playlist: MediaPlaylist): number {
  const last = playlist.segments.at(-1);
  return last ? last.offsetUs + last.durationUs : 0;
}

async function mediaPlaylist(reader: SourceReader, uri: string): Promise<MediaPlaylist> {
  const text = await reader.playlistText(uri);
  const parsed = text === null ? null : parsePlaylist(text, uri);
  if (parsed?.kind !== 'media') throw new TaskFailure(`Unreadable playlist: ${reader.show(uri)}`, { retryable: false });
  return parsed;
}

/** Reads the playlists of one clip and says what it lacks. */
class ClipResolver {
  constructor(
    readonly reader: SourceReader,
    private readonly context: ExecutionContext,
    private readonly index: number,
    private readonly waitSeconds: number,
  ) {}

  /** All pictures, best first, then the separate sound of the best one. */
  async streams(text: string, uri: string, end: Position | null): Promise<Streams> {
    const parsed = parsePlaylist(text, uri);
    if (parsed.kind === 'media') {
      const playlist = await this.untilCovered(parsed, end);
      return { described: [{ role: 'video', bandwidth: 0, language: null, name: null }], playlists: [playlist] };
    }
    const described: PlannedStream[] = [];
    const playlists: MediaPlaylist[] = [];
    for (const variant of parsed.variants) {
      described.push({ role: 'video', bandwidth: variant.bandwidth, language: null, name: null });
      playlists.push(await this.untilCovered(await mediaPlaylist(this.reader, variant.uri), end));
    }
    const renditions = [...(parsed.variants[0]?.audio ?? [])].sort((a, b) => Number(b.isDefault) - Number(a.isDefault));
    for (const { uri: audio, language, name } of renditions) {
      if (audio === null) continue;
      described.push({ role: 'audio', bandwidth: 0, language, name });
      playlists.push(await this.untilCovered(await mediaPlaylist(this.reader, audio), end));
    }
    this.context.log(
      'INFO',
      `clips[${this.index}]: ${parsed.variants.length} video and ${described.length - parsed.variants.length} audio playlists`,
    );
    return { described, playlists };
  }

  /**
   * The live edge lags: a playlist that may still grow is read again until it holds the wanted end, at most `wait` seconds after that
   * instant (reference 1.6). What is there then is taken as archived.
   */
  private async untilCovered(first: MediaPlaylist, end: Position | null): Promise<MediaPlaylist> {
    let playlist = first;
    const { signal } = this.context;
    while (end?.kind === 'instant' && !playlist.ended && Date.now() < end.us / 1000 + this.waitSeconds * 1000) {
      const last = playlist.segments.at(-1);
      if (!last || last.wallUs === null || last.wallUs + last.durationUs >= end.us) break;
      await wait((playlist.targetSeconds * 1000) / 2, undefined, { signal }).catch(() => throwIfAborted(signal));
      playlist = await mediaPlaylist(this.reader, playlist.uri);
    }
    return playlist;
  }

  warnMissing(
    { missingStartUs, missingEndUs }: Selection,
    playlist: MediaPlaylist,
    start: Position | null,
    end: Position | null,
  ): void {
    const [first, last] = [playlist.segments[0], playlist.segments.at(-1)];
    if (!first || !last) return;
    if (start && missingStartUs > 0) {
      const begin = shownPosition({ kind: start.kind, us: start.us + missingStartUs });
      this.context.log(
        'WARN',
        `clips[${this.index}]: ${seconds(missingStartUs)} s missing at the start, the source begins at ${begin}`,
      );
    }
    if (end && missingEndUs > 0) {
      const stop = shownPosition({ kind: end.kind, us: end.us - missingEndUs });
      this.context.log(
        'WARN',
        `clips[${this.index}]: ${seconds(missingEndUs)} s missing at the end, the source ends at ${stop}`,
      );
    }
  }
}
