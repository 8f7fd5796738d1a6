import { extname } from 'node:path';
import { TaskFailure } from '@task-engine/domain';
import { z } from 'zod';
import type { ExecutionContext, Executor } from '../executor';
import { handler } from '../handler';
import { asOutput, inWorkDir, readDocument, writeInPlace } from '../work-files';
import type { CapturePlan } from './capture-plan';
import type { Run, RunInput } from './capture-runs';
import { planReference } from './download.handler';
import { MediaTools, ownFile, type MediaPrograms } from './ffmpeg';
import { exactSeconds, position } from './media-time';
import { isFragmented } from './mp4-boxes';
import { videoDurationUs } from './mp4.handlers';
import { RunPlanner, opened } from './plan-runs.handler';
import { beyondEnd, noWallClock } from './resolve.handlers';
import { probedUs, videoStreams } from './track-facts';

const schema = z.object({
  input: z.string().optional(),
  wall_clock: z.string().nullish(),
  plan: planReference.optional(),
  segments: z.unknown().optional(),
  time: z.union([z.string(), z.number()]),
  label: z.string(),
  filename: z.string().min(1),
});

/** Where to look for the frame: the first picture at or after `fromUs` (PTS). */
interface Place {
  open: (options: readonly string[]) => string[];
  stream: number;
  fromUs: number;
  /** Counted from the container's start, null = read from the begin. */
  seekUs: number | null;
}

/** Encoders by file name ending. */
const IMAGES: Readonly<Record<string, readonly string[]>> = {
  '.jpg': ['-c:v', 'mjpeg', '-q:v', '2'],
  '.jpeg': ['-c:v', 'mjpeg', '-q:v', '2'],
  '.png': ['-c:v', 'png'],
  '.webp': ['-c:v', 'libwebp'],
};

/** A seek may land a little late when pictures are stored out of order. */
const SEEK_MARGIN_US = 2_000_000;

/** `frame.capture`: the first picture whose PTS is at or after a time, out of a file of ours or of downloaded segments (reference 2.9). */
export function frameHandler(programs: MediaPrograms): Executor {
  return handler('builtin:frame.capture', schema, async (given, context) => {
    const tools = new MediaTools(programs, context);
    const encoder = IMAGES[extname(given.filename).toLowerCase()];
    if (!encoder)
      throw new TaskFailure(`${given.filename} must end in .jpg, .jpeg, .png or .webp`, { retryable: false });
    const { places, lengthUs } = given.plan
      ? await downloaded(tools, context, given.plan.plan)
      : await finished(tools, context, given.input ?? '', given.time, given.wall_clock ?? null);
    const path = `images/${given.filename}`;
    await writeInPlace(inWorkDir(context.workDir, path), context.executionId, async (temporary) => {
      const name = temporary.slice(context.workDir.length + 1);
      for (const place of places) if (await capture(tools, place, encoder, name)) return;
      throw beyondEnd(given.label, given.time, lengthUs);
    });
    return { filename: given.filename, files: asOutput([{ path, name: given.filename, role: 'side' }]) };
  });
}

/** False when no picture is left at that time: ffmpeg then ends well and writes nothing. */
async function capture(tools: MediaTools, place: Place, encoder: readonly string[], name: string): Promise<boolean> {
  const seek = place.seekUs !== null && place.seekUs > 0 ? ['-noaccurate_seek', '-ss', exactSeconds(place.seekUs)] : [];
  // 1 ms against rounding at frame borders, as in a cut.
  const select = `select='gte(t,${exactSeconds(place.fromUs - 1_000)})'`;
  await tools.ffmpeg([
    '-copyts',
    ...place.open(seek),
    ...['-map', `0:${place.stream}`, '-vf', select, '-frames:v', '1', '-fps_mode', 'passthrough'],
    ...encoder,
    ...['-update', '1', '-f', 'image2', `file:${name}`],
  ]);
  try {
    await tools.probeOutput(name);
    return true;
  } catch (error) {
    if (error instanceof TaskFailure && error.message.endsWith('no output')) return false;
    throw error;
  }
}

async function downloaded(
  tools: MediaTools,
  context: ExecutionContext,
  planFile: string,
): Promise<{ places: Place[]; lengthUs: number }> {
  const plan = await readDocument<CapturePlan>(context.workDir, planFile);
  const clip = plan.clips[0];
  const planner = new RunPlanner(tools, context);
  let runs: Run[] = [];
  let lengthUs = clip?.kind === 'hls' ? clip.lengthUs : 0;
  if (clip?.kind === 'hls') runs = await planner.hls(clip, 0);
  if (clip?.kind === 'file') {
    // An open end: the file's own length decides, and a time behind it is told in the words of a frame.
    const [run] = (runs = [await planner.file({ ...clip, start: null, end: null }, 0)]);
    lengthUs = run ? run.toUs - run.firstUs : 0;
    if (run && clip.start) run.fromUs = run.firstUs + clip.start.us;
  }
  const places = runs.flatMap((run): Place[] => {
    const [video] = run.video;
    const source = video && run.inputs[video.input];
    return source
      ? [
          {
            open: (options) => opened(source, options),
            stream: video.stream,
            fromUs: run.fromUs,
            seekUs: seekOf(source, run.fromUs),
          },
        ]
      : [];
  });
  return { places, lengthUs };
}

function seekOf({ seekable, containerStartUs }: RunInput, fromUs: number): number | null {
  return seekable ? fromUs - containerStartUs - SEEK_MARGIN_US : null;
}

async function finished(
  tools: MediaTools,
  context: ExecutionContext,
  name: string,
  time: string | number,
  wallClock: string | null,
): Promise<{ places: Place[]; lengthUs: number }> {
  const probed = await tools.probe(ownFile(name));
  const [video] = videoStreams(probed).sort((a, b) => (b.height ?? 0) - (a.height ?? 0));
  if (!video) throw new TaskFailure(`No video in ${name}`, { retryable: false });
  const at = position(time) ?? { kind: 'offset' as const, us: 0 };
  if (at.kind === 'instant' && wallClock === null) throw noWallClock(name);
  const offsetUs = at.kind === 'instant' ? Math.max(0, at.us - Date.parse(wallClock ?? '') * 1000) : at.us;
  const fromUs = (probedUs(video.start_time) ?? 0) + offsetUs;
  const seekUs = (await isFragmented(inWorkDir(context.workDir, name)))
    ? null
    : fromUs - (probedUs(probed.format.start_time) ?? 0) - SEEK_MARGIN_US;
  return {
    places: [{ open: (options) => ownFile(name, options), stream: video.index, fromUs, seekUs }],
    lengthUs: videoDurationUs(probed),
  };
}
