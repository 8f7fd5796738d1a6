import type { Resource } from './hls-playlist';
import type { Position } from './media-time';

/** File of the work folder that holds the plan; task outputs name it instead of repeating every segment. */
export const PLAN_FILE = 'plan.json';

/** One rendition of an HLS clip. Stream 0 is the best picture; it decides times and breaks for the others. */
export interface PlannedStream {
  role: 'video' | 'audio';
  bandwidth: number;
  language: string | null;
  name: string | null;
}

/** A segment to fetch; `id` is its place in its playlist, so a changed selection never takes another segment's file. */
export interface PlannedSegment extends Resource {
  id: number;
  map: Resource | null;
}

/** The part of one gapless stretch that one stream contributes. */
export interface PlannedRunStream {
  segments: PlannedSegment[];
  /** The segment after the last: in a transport stream the sound of the last pictures may lie in it. Not part of a stream copy. */
  tail: PlannedSegment | null;
}

/** A gapless stretch of a clip. Times are microseconds from the first picture of the first segment of stream 0. */
export interface PlannedRun {
  startUs: number;
  /** null: to the end of the last segment. */
  endUs: number | null;
  /** UTC of the first segment's first picture; null without a wall clock. */
  wallUs: number | null;
  /** By stream of the clip; null where a stream has nothing here. */
  streams: (PlannedRunStream | null)[];
}

export interface PlannedGap {
  us: number;
  /** As the log shows it: an instant, or an offset. */
  at: string;
}

export interface HlsClip {
  kind: 'hls';
  /** Source as messages name it. */
  source: string;
  streams: PlannedStream[];
  runs: PlannedRun[];
  gaps: PlannedGap[];
  /** Length of the whole source, microseconds. */
  lengthUs: number;
}

export interface FileClip {
  kind: 'file';
  source: string;
  resource: Resource;
  start: Position | null;
  end: Position | null;
}

export interface CapturePlan {
  clips: (HlsClip | FileClip)[];
}

/** Place of a segment's file in the work folder. */
export function segmentFile(clip: number, stream: number, segment: PlannedSegment): string {
  return `segments/c${clip}s${stream}_${String(segment.id).padStart(6, '0')}.seg`;
}

/** Place of an initialisation section; sections are numbered in order of appearance in their stream. */
export function mapFile(clip: number, stream: number, index: number): string {
  return `segments/c${clip}s${stream}_init${index}.seg`;
}

/** Place of a clip that is one file. */
export function clipFile(clip: number): string {
  return `segments/c${clip}.media`;
}

/** The initialisation sections of one stream, each once, in order of appearance. */
export function mapsOf(clip: HlsClip, stream: number): Resource[] {
  const maps = new Map<string, Resource>();
  for (const run of clip.runs) {
    for (const { map } of allSegments(run.streams[stream] ?? null)) if (map) maps.set(JSON.stringify(map), map);
  }
  return [...maps.values()];
}

/** Segments and tail of one stream of a run. */
export function allSegments(part: PlannedRunStream | null): PlannedSegment[] {
  return part ? [...part.segments, ...(part.tail ? [part.tail] : [])] : [];
}
