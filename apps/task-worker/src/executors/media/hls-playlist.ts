import { TaskFailure } from '@task-engine/domain';
import { parse, setOptions, types } from 'hls-parser';
import { shownUrl } from '../shown-url';

// Published playlists are often not quite valid; what is needed from them is checked below.
setOptions({ silent: true, strictMode: false });

/** A place in the input root, written like a URL so that relative references resolve alike: `storage:///folder/index.m3u8`. */
export const STORAGE_SCHEME = 'storage:';

/** Bytes of a resource; a resource without a range is meant whole. */
export interface Resource {
  /** http(s) URL, or `storage:///...` in a playlist that came from the input root. */
  uri: string;
  range?: { offset: number; length: number };
}

export interface MediaSegment extends Resource {
  durationUs: number;
  /** Sum of the durations before it. */
  offsetUs: number;
  /** UTC of its first frame; null in a playlist without PROGRAM-DATE-TIME. */
  wallUs: number | null;
  /** Time stamps or codecs change here: decoding cannot run through from the segment before. */
  breaks: boolean;
  /** The playlist says that the media is missing (EXT-X-GAP). */
  gap: boolean;
  encrypted: boolean;
  /** Initialisation section (fMP4); null for transport stream. */
  map: Resource | null;
}

export interface MediaPlaylist {
  kind: 'media';
  uri: string;
  segments: MediaSegment[];
  /** EXT-X-ENDLIST is there: nothing will be added. */
  ended: boolean;
  /** Target duration in seconds. */
  targetSeconds: number;
}

export interface AudioRendition {
  /** null: inside the variant's own segments. */
  uri: string | null;
  language: string | null;
  name: string;
  isDefault: boolean;
}

export interface HlsVariant {
  uri: string;
  bandwidth: number;
  width: number;
  height: number;
  audio: AudioRendition[];
}

export interface MasterPlaylist {
  kind: 'master';
  /** Best first: height, then bandwidth. Variants without a picture are left out when others have one. */
  variants: HlsVariant[];
}

/** A clock jump above this is missing media, below it is jitter of the packager's clock. */
const CLOCK_JUMP_US = 500_000;

/**
 * Reads an HLS playlist; `uri` is where it came from. Throws a final TaskFailure for one that is not readable or that names other
 * than http(s) resources.
 */
export function parsePlaylist(text: string, uri: string): MediaPlaylist | MasterPlaylist {
  let playlist: types.MasterPlaylist | types.MediaPlaylist;
  try {
    playlist = parse(text);
  } catch (cause) {
    throw new TaskFailure(`Unreadable playlist: ${shownUrl(uri)}`, { retryable: false, cause });
  }
  const parsed = playlist.isMasterPlaylist ? readMaster(playlist, uri) : readMedia(playlist, uri);
  if ((parsed.kind === 'master' ? parsed.variants : parsed.segments).length === 0) {
    throw new TaskFailure(`No media in playlist ${shownUrl(uri)}`);
  }
  return parsed;
}

function readMaster(playlist: types.MasterPlaylist, uri: string): MasterPlaylist {
  const variants = new Map<string, HlsVariant>();
  for (const variant of playlist.variants) {
    if (variant.isIFrameOnly) continue;
    const target = resolveUri(variant.uri, uri);
    // The same rendition is listed once per audio group; the first group stands for all.
    if (variants.has(target)) continue;
    variants.set(target, {
      uri: target,
      bandwidth: variant.bandwidth || 0,
      width: variant.resolution?.width ?? 0,
      height: variant.resolution?.height ?? 0,
      audio: variant.audio.map((rendition) => ({
        uri: rendition.uri ? resolveUri(rendition.uri, uri) : null,
        language: rendition.language ?? null,
        name: rendition.name,
        isDefault: rendition.isDefault,
      })),
    });
  }
  const all = [...variants.values()].sort((a, b) => b.height - a.height || b.bandwidth - a.bandwidth);
  const pictures = all.filter((variant) => variant.height > 0);
  return { kind: 'master', variants: pictures.length > 0 ? pictures : all };
}

function readMedia(playlist: types.MediaPlaylist, uri: string): MediaPlaylist {
  const segments: MediaSegment[] = [];
  let offsetUs = 0;
  for (const segment of playlist.segments) {
    if (!segment.uri) continue;
    const before = segments.at(-1);
    const durationUs = Math.round((segment.duration || 0) * 1e6);
    const stated = segment.programDateTime ? segment.programDateTime.getTime() * 1000 : null;
    const expected = before && before.wallUs !== null ? before.wallUs + before.durationUs : null;
    const map = segment.map ? resource(segment.map, uri) : null;
    segments.push({
      ...resource(segment, uri),
      durationUs,
      offsetUs,
      wallUs: stated ?? expected,
      breaks:
        before !== undefined &&
        (Boolean(segment.discontinuity) ||
          (stated !== null && expected !== null && Math.abs(stated - expected) > CLOCK_JUMP_US) ||
          JSON.stringify(map) !== JSON.stringify(before.map)),
      gap: Boolean(segment.gap),
      encrypted: Boolean(segment.key && segment.key.method !== 'NONE'),
      map,
    });
    offsetUs += durationUs;
  }
  fillClockBackwards(segments);
  return { kind: 'media', uri, segments, ended: playlist.endlist, targetSeconds: playlist.targetDuration || 2 };
}

/** A clock that is stated first in the middle holds for the segments before it too. */
function fillClockBackwards(segments: MediaSegment[]): void {
  for (let index = segments.length - 2; index >= 0; index -= 1) {
    const segment = segments[index] as MediaSegment;
    const next = segments[index + 1] as MediaSegment;
    if (segment.wallUs === null && next.wallUs !== null) segment.wallUs = next.wallUs - segment.durationUs;
  }
}

function resource(given: { uri: string; byterange?: { offset: number; length: number } }, base: string): Resource {
  const uri = resolveUri(given.uri, base);
  return given.byterange
    ? { uri, range: { offset: given.byterange.offset ?? 0, length: given.byterange.length } }
    : { uri };
}

function resolveUri(reference: string, base: string): string {
  const url = URL.canParse(reference, base) ? new URL(reference, base) : null;
  const allowed =
    url && (/^https?:$/.test(url.protocol) || (url.protocol === STORAGE_SCHEME && base.startsWith(STORAGE_SCHEME)));
  if (!allowed)
    throw new TaskFailure(`Unreadable playlist: ${shownUrl(base)} names ${reference.slice(0, 200)}`, {
      retryable: false,
    });
  return url.href;
}
