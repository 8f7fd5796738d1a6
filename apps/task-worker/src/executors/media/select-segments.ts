import type { PlannedGap, PlannedRun, PlannedRunStream, PlannedSegment } from './capture-plan';
import type { MediaSegment } from './hls-playlist';
import { clock, instant, shownPosition, type Position } from './media-time';

/** Which part of a source is wanted; null = its begin or end. */
export interface Wanted {
  start: Position | null;
  end: Position | null;
}

export interface Selection {
  runs: PlannedRun[];
  gaps: PlannedGap[];
  /** Microseconds wanted before the first and after the last segment of the playlist. */
  missingStartUs: number;
  missingEndUs: number;
}

/** A hole shorter than this is rounding of durations, not missing media. */
const GAP_US = 100_000;
/** A cut this near to the end of its segment may have its sound in the next one. */
const TAIL_US = 1_000_000;

/**
 * Maps a wanted part to segments of the leading stream and of the others: those whose [t0, t1) meets [start, end) (reference 2.2), in
 * gapless runs. `runs` is empty when nothing is met. Positions that are instants need a wall clock in the leading stream.
 * @param streams segments of each stream of the clip; the first one leads
 */
export function selectSegments(streams: readonly MediaSegment[][], wanted: Wanted): Selection {
  const leading = streams[0] ?? [];
  const { start, end } = wanted;
  const groups = groupRuns(
    leading,
    (segment) => (!start || endOf(segment, start) > start.us) && (!end || beginOf(segment, end) < end.us),
  );
  const selection: Selection = { runs: [], gaps: [], ...missing(leading, wanted) };
  const hasInstant = start?.kind === 'instant' || end?.kind === 'instant';
  let coveredUs = -Infinity;
  let lastTaken: MediaSegment | null = null;
  for (const group of groups) {
    const first = leading[group.first] as MediaSegment;
    const last = leading[group.last] as MediaSegment;
    const before = leading[group.first - 1];
    const startUs = Math.max(
      start ? start.us - beginOf(first, start) : 0,
      // A clock that went back repeats an interval; the wanted one is taken once.
      hasInstant && first.wallUs !== null ? coveredUs - first.wallUs : 0,
      0,
    );
    const endUs = end && endOf(last, end) > end.us ? end.us - beginOf(first, end) : null;
    if (startUs >= (endUs ?? lengthOf(leading, group))) continue;
    if (selection.runs.length > 0) addGap(selection.gaps, leading, group.first);
    else if (before && start) addGapBetween(selection.gaps, start, beginOf(first, start));
    lastTaken = last;
    selection.runs.push({
      startUs,
      endUs,
      wallUs: first.wallUs,
      streams: streams.map((stream) => partOf(stream, leading, group, end)),
    });
    if (last.wallUs !== null) coveredUs = last.wallUs + last.durationUs;
  }
  // The wanted end may lie in a hole; an end behind the whole playlist is counted as missing, not as a hole.
  if (lastTaken && end && lastTaken !== leading.at(-1)) {
    addGapBetween(selection.gaps, { kind: end.kind, us: endOf(lastTaken, end) }, end.us);
  }
  return selection;
}

interface Group {
  first: number;
  last: number;
}

/** Stretches of wanted segments without a break between them. */
function groupRuns(segments: readonly MediaSegment[], isWanted: (segment: MediaSegment) => boolean): Group[] {
  const groups: Group[] = [];
  let open: Group | null = null;
  segments.forEach((segment, index) => {
    if (segment.gap || !isWanted(segment)) open = null;
    else if (open && !segment.breaks) open.last = index;
    else groups.push((open = { first: index, last: index }));
  });
  return groups;
}

/** What one stream gives to a run of the leading stream: the segments at the same time, by clock if both have one. */
function partOf(
  stream: MediaSegment[],
  leading: readonly MediaSegment[],
  group: Group,
  end: Position | null,
): PlannedRunStream | null {
  const first = leading[group.first] as MediaSegment;
  const last = leading[group.last] as MediaSegment;
  if (stream === leading) {
    return {
      segments: planned(stream, group.first, group.last),
      tail: end ? tailOf(stream, group.last, endOf(last, end) - end.us) : null,
    };
  }
  const byClock = first.wallUs !== null && stream[0]?.wallUs !== null;
  const begin = (segment: MediaSegment) => (byClock ? segment.wallUs : segment.offsetUs) ?? 0;
  const from = begin(first);
  const to = begin(last) + last.durationUs;
  // Segment borders of sound and picture differ by some frames; a segment that is met by less than that is none of this run's.
  const met = groupRuns(
    stream,
    (segment) => begin(segment) + segment.durationUs > from + GAP_US / 4 && begin(segment) < to - GAP_US / 4,
  );
  const longest = met.sort((a, b) => lengthOf(stream, b) - lengthOf(stream, a))[0];
  if (!longest) return null;
  return { segments: planned(stream, longest.first, longest.last), tail: tailOf(stream, longest.last, 0) };
}

function planned(stream: readonly MediaSegment[], first: number, last: number): PlannedSegment[] {
  return stream.slice(first, last + 1).map((segment, index) => plan(segment, first + index));
}

function plan({ uri, range, map }: MediaSegment, id: number): PlannedSegment {
  return { id, uri, ...(range ? { range } : {}), map };
}

function tailOf(stream: readonly MediaSegment[], last: number, restUs: number): PlannedSegment | null {
  const next = stream[last + 1];
  return next && restUs < TAIL_US && !next.breaks && !next.gap ? plan(next, last + 1) : null;
}

function addGap(gaps: PlannedGap[], segments: readonly MediaSegment[], index: number): void {
  const next = segments[index] as MediaSegment;
  let previous = index - 1;
  while (previous > 0 && segments[previous]?.gap) previous -= 1;
  const before = segments[previous] as MediaSegment;
  const byClock = next.wallUs !== null && before.wallUs !== null;
  const from = (byClock ? (before.wallUs as number) : before.offsetUs) + before.durationUs;
  const us = (byClock ? (next.wallUs as number) : next.offsetUs) - from;
  if (us > GAP_US) gaps.push({ us, at: byClock ? instant(from) : clock(from / 1e6) });
}

function addGapBetween(gaps: PlannedGap[], from: Position, toUs: number): void {
  if (toUs - from.us > GAP_US) gaps.push({ us: toUs - from.us, at: shownPosition(from) });
}

function missing(
  segments: readonly MediaSegment[],
  { start, end }: Wanted,
): Pick<Selection, 'missingStartUs' | 'missingEndUs'> {
  const first = segments[0];
  const last = segments.at(-1);
  return {
    missingStartUs: start && first ? Math.max(0, beginOf(first, start) - start.us) : 0,
    missingEndUs: end && last ? Math.max(0, end.us - endOf(last, end)) : 0,
  };
}

/** Begin of a segment on the axis of a position. */
function beginOf(segment: MediaSegment, { kind }: Position): number {
  return (kind === 'instant' ? segment.wallUs : segment.offsetUs) ?? 0;
}

function endOf(segment: MediaSegment, at: Position): number {
  return beginOf(segment, at) + segment.durationUs;
}

function lengthOf(segments: readonly MediaSegment[], { first, last }: Group): number {
  const end = segments[last];
  return end ? end.offsetUs + end.durationUs - (segments[first]?.offsetUs ?? 0) : 0;
}
