import { z } from 'zod';
import type { Executor } from '../executor';
import { handler } from '../handler';
import { inWorkDir, readDocument, writeInPlace } from '../work-files';
import type { Run, RunInput } from './capture-runs';
import { MediaTools, type MediaPrograms } from './ffmpeg';
import { cutAndJoin, keyFrameInterval, shapeOf, type OutputShape } from './filter-graph';
import { exactSeconds, instant } from './media-time';
import { opened } from './plan-runs.handler';
import { StreamCopy } from './stream-copy';
import { languages } from './track-facts';

const schema = z.object({
  runs: z.looseObject({ file: z.string() }),
  frame_accurate: z.boolean(),
  output: z.string().min(1),
});

/** A seek lands on a key frame at or before its time; this much earlier is decoded and cut off by the filter. */
const SEEK_MARGIN_US = 10_000_000;

/**
 * `capture.cut_and_stitch`: cuts the runs and joins them into one file. Frame accurate: one decode, trim and encode of everything. Else a
 * stream copy of whole segments or GOPs, as long as the runs can follow each other without decoding.
 */
export function cutHandler(programs: MediaPrograms): Executor {
  return handler('builtin:capture.cut_and_stitch', schema, async (given, context) => {
    const runs = await readDocument<Run[]>(context.workDir, given.runs.file);
    const tools = new MediaTools(programs, context);
    const path = inWorkDir(context.workDir, given.output);
    const copy = new StreamCopy(tools, context);
    const obstacle = given.frame_accurate ? null : copy.obstacle(runs);
    if (obstacle) context.log('WARN', `${obstacle}: re-encoding instead of copying`);
    const fromUs = await writeInPlace(path, context.executionId, async (temporary) => {
      const name = temporary.slice(context.workDir.length + 1);
      const copied = !given.frame_accurate && !obstacle;
      const first = copied ? await copy.write(runs, name) : await encode(tools, runs, name);
      await tools.probeOutput(name);
      return first;
    });
    const [first] = runs as [Run];
    const wallUs = first.firstWallUs === null ? null : first.firstWallUs + fromUs - first.firstUs;
    return { file: given.output, wall_clock: wallUs === null ? null : instant(wallUs) };
  });
}

/** Returns the PTS of the first picture, microseconds. */
async function encode(tools: MediaTools, runs: Run[], output: string): Promise<number> {
  const shape = shapeOf(runs);
  await tools.ffmpeg(
    [
      '-copyts',
      ...runs.flatMap((run) => run.inputs.flatMap((runInput) => opened(runInput, reach(run, runInput)))),
      '-filter_complex',
      cutAndJoin(runs, shape),
      ...encoding(shape),
      ...languages(runs, shape.audioCount),
      '-movflags',
      '+faststart',
      '-f',
      'mp4',
      `file:${output}`,
    ],
    runs.reduce((sum, run) => sum + run.toUs - run.fromUs, 0) / 1e6,
  );
  return (runs[0] as Run).fromUs;
}

function encoding({ video, audioCount }: OutputShape): string[] {
  const maps = [
    ...video.map((_, index) => `[v${index}]`),
    ...Array.from({ length: audioCount }, (_, index) => `[a${index}]`),
  ];
  return [
    ...maps.flatMap((pad) => ['-map', pad]),
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-sc_threshold', '0'],
    ...video.flatMap(({ frameRate }, index) => {
      const interval = String(keyFrameInterval(frameRate));
      return [`-g:v:${index}`, interval, `-keyint_min:v:${index}`, interval];
    }),
    ...['-c:a', 'aac'],
  ];
}

/** Keeps ffmpeg from decoding hours in front of and behind the cut of a long plain file. The exact cut is the filter's. */
function reach(run: Run, { seekable, containerStartUs }: RunInput): string[] {
  if (!seekable) return [];
  const from = run.fromUs - containerStartUs - SEEK_MARGIN_US;
  const length = run.toUs - run.fromUs + 2 * SEEK_MARGIN_US;
  return from > 0 ? ['-noaccurate_seek', '-ss', exactSeconds(from), '-t', exactSeconds(length)] : [];
}
