import { writeFile } from 'node:fs/promises';
import { TaskFailure } from '@task-engine/domain';
import { z } from 'zod';
import type { ExecutionContext, Executor } from '../executor';
import { handler } from '../handler';
import { inWorkDir, readDocument, writeDocument, writeInPlace } from '../work-files';
import {
  clipFile,
  mapFile,
  mapsOf,
  segmentFile,
  type CapturePlan,
  type FileClip,
  type HlsClip,
  type PlannedRun,
  type PlannedSegment,
} from './capture-plan';
import { RUNS_FILE, type Run, type RunInput, type RunTrack } from './capture-runs';
import { planReference } from './download.handler';
import { MediaTools, concatenated, input, type MediaPrograms, type Probed, type ProbedStream } from './ffmpeg';
import { clock, instant, seconds } from './media-time';
import { isFragmented } from './mp4-boxes';
import { fileHead } from './source-reader';
import { audioStreams, probedUs, rateOf, trackOf, videoStreams } from './track-facts';

/** `capture.plan_runs`: looks into what was downloaded and fixes the exact cut of every gapless run (reference 2.2, steps 5 and 6). */
export function planRunsHandler(programs: MediaPrograms): Executor {
  return handler(
    'builtin:capture.plan_runs',
    z.object({ plan: planReference, segments: z.unknown() }),
    async ({ plan }, context) => {
      const { clips } = await readDocument<CapturePlan>(context.workDir, plan.plan);
      const planner = new RunPlanner(new MediaTools(programs, context), context);
      const runs: Run[] = [];
      let discontinuous = false;
      for (const [index, clip] of clips.entries()) {
        const ofClip = clip.kind === 'hls' ? await planner.hls(clip, index) : [await planner.file(clip, index)];
        discontinuous ||= ofClip.length > 1;
        runs.push(...ofClip);
      }
      await writeDocument(context.workDir, RUNS_FILE, context.executionId, runs);
      const first = runs[0] as Run;
      return {
        runs: { file: RUNS_FILE, count: runs.length },
        discontinuous,
        wall_clock: first.firstWallUs === null ? null : instant(first.firstWallUs + first.fromUs - first.firstUs),
      };
    },
  );
}

/** Makes runs of planned clips. Also used for a single frame. */
export class RunPlanner {
  constructor(
    private readonly tools: MediaTools,
    private readonly context: ExecutionContext,
  ) {}

  async hls(clip: HlsClip, index: number): Promise<Run[]> {
    for (const gap of clip.gaps) this.context.log('WARN', `gap ${seconds(gap.us)} s at ${gap.at}`);
    const runs: Run[] = [];
    for (const [position, run] of clip.runs.entries()) runs.push(await this.hlsRun(clip, index, run, position));
    return runs;
  }

  /** Throws `No media between ...` when the wanted part lies behind the end of the file. */
  async file(clip: FileClip, index: number): Promise<Run> {
    const name = clipFile(index);
    const probed = await this.tools.probe(input(name)).catch((error: unknown) => unreadable(error, clip.source));
    const video = leadingVideo(probed, clip.source);
    const firstUs = probedUs(video.start_time) ?? 0;
    const lengthUs =
      probedUs(video.duration) ??
      probedUs(probed.format.duration) ??
      (await this.lastPicture(input(name), video)) - firstUs;
    const startUs = clip.start?.us ?? 0;
    if (startUs >= lengthUs || (clip.end && clip.end.us <= startUs)) {
      const [from, to] = [clock(startUs / 1e6), clip.end ? clock(clip.end.us / 1e6) : 'the end'];
      throw new TaskFailure(`No media between ${from} and ${to} in ${clip.source}`, { retryable: false });
    }
    const endUs = Math.min(clip.end?.us ?? lengthUs, lengthUs);
    // Less than a frame is rounding of the container's durations.
    if (clip.end && clip.end.us - lengthUs > 1e6 / rateOf(trackOf(video, 0, NO_NAMES).frameRate ?? '')) {
      const ends = clock(lengthUs / 1e6);
      this.context.log(
        'WARN',
        `clips[${index}]: ${seconds(clip.end.us - lengthUs)} s missing at the end, the source ends at ${ends}`,
      );
    }
    const plain = !(await isFragmented(inWorkDir(this.context.workDir, name)));
    const runInput: RunInput = {
      name,
      listFormat: null,
      wholeName: null,
      seekable: plain && (probed.format.format_name ?? '').includes('mov'),
      containerStartUs: probedUs(probed.format.start_time) ?? 0,
    };
    return {
      clip: index,
      source: clip.source,
      fromUs: firstUs + startUs,
      toUs: firstUs + endUs,
      firstUs,
      firstWallUs: null,
      inputs: [runInput],
      video: bestFirst(probed).map((stream) => trackOf(stream, 0, NO_NAMES)),
      audio: audioStreams(probed).map((stream) => trackOf(stream, 0, NO_NAMES)),
    };
  }

  private async hlsRun(clip: HlsClip, index: number, run: PlannedRun, position: number): Promise<Run> {
    const inputs: RunInput[] = [];
    const video: RunTrack[] = [];
    const audio: RunTrack[] = [];
    let leading: { stream: ProbedStream; input: RunInput } | null = null;
    for (const [stream, part] of run.streams.entries()) {
      const described = clip.streams[stream];
      if (!part || !described) continue;
      const runInput = await this.listInput(clip, index, run, stream, position);
      if (!runInput) {
        if (!leading) throw new TaskFailure(`Unreadable source: ${clip.source}`, { retryable: false });
        this.context.log(
          'WARN',
          `clips[${index}]: ${described.role} ${described.name ?? stream} is neither MPEG-TS nor fMP4, left out`,
        );
        continue;
      }
      const probed = await this.tools.probe(opened(runInput)).catch((error: unknown) => unreadable(error, clip.source));
      inputs.push(runInput);
      const place = inputs.length - 1;
      if (described.role === 'video') {
        const picture: ProbedStream | undefined = leading ? videoStreams(probed)[0] : leadingVideo(probed, clip.source);
        if (!picture) continue;
        video.push(trackOf(picture, place, NO_NAMES));
        // Sound inside the other renditions is the same sound again.
        if (!leading) audio.push(...audioStreams(probed).map((sound) => trackOf(sound, place, NO_NAMES)));
        leading ??= { stream: picture, input: runInput };
      } else {
        audio.push(...audioStreams(probed).map((sound) => trackOf(sound, place, described)));
      }
    }
    if (!leading) throw new TaskFailure(`Unreadable source: ${clip.source}`, { retryable: false });
    const firstUs = probedUs(leading.stream.start_time) ?? 0;
    const toUs =
      run.endUs === null ? await this.endOfRun(clip, index, run, position, leading.stream) : firstUs + run.endUs;
    return {
      clip: index,
      source: clip.source,
      fromUs: firstUs + run.startUs,
      toUs: toUs < firstUs ? toUs + TS_WRAP_US : toUs,
      firstUs,
      firstWallUs: run.wallUs,
      inputs,
      video,
      audio,
    };
  }

  /** Writes the lists of one stream of a run; null when its segments are of a kind that cannot be joined byte by byte. */
  private async listInput(
    clip: HlsClip,
    index: number,
    run: PlannedRun,
    stream: number,
    position: number,
  ): Promise<RunInput | null> {
    const part = run.streams[stream];
    const first = part?.segments[0];
    if (!part || !first) return null;
    const listFormat = await this.containerOf(segmentFile(index, stream, first));
    if (!listFormat) return null;
    const name = `segments/c${index}r${position}s${stream}.txt`;
    await this.writeList(name, clip, index, stream, [...part.segments, ...(part.tail ? [part.tail] : [])]);
    const wholeName = part.tail ? name.replace('.txt', '_whole.txt') : null;
    if (wholeName) await this.writeList(wholeName, clip, index, stream, part.segments);
    return { name, listFormat, wholeName, seekable: false, containerStartUs: 0 };
  }

  private async writeList(
    name: string,
    clip: HlsClip,
    index: number,
    stream: number,
    segments: PlannedSegment[],
  ): Promise<void> {
    const maps = mapsOf(clip, stream).map((map) => JSON.stringify(map));
    const map = segments[0]?.map;
    const files = segments.map((segment) => segmentFile(index, stream, segment));
    if (map) files.unshift(mapFile(index, stream, maps.indexOf(JSON.stringify(map))));
    const path = inWorkDir(this.context.workDir, name);
    await writeInPlace(path, this.context.executionId, (temporary) =>
      writeFile(temporary, files.map((file) => `${file}\n`).join('')),
    );
  }

  private async containerOf(name: string): Promise<'mpegts' | 'mov' | null> {
    const head = await fileHead(inWorkDir(this.context.workDir, name), 12);
    if (head[0] === 0x47) return 'mpegts';
    return /^(ftyp|styp|moov|moof|sidx|emsg|prft|free|mdat)$/.test(head.toString('latin1', 4, 8)) ? 'mov' : null;
  }

  /** Where the last picture of a run ends, from the packets of its last segment. */
  private async endOfRun(
    clip: HlsClip,
    index: number,
    run: PlannedRun,
    position: number,
    video: ProbedStream,
  ): Promise<number> {
    const part = run.streams[0];
    const last = part?.segments.at(-1);
    if (!part || !last) return 0;
    const name = `segments/c${index}r${position}_last.txt`;
    await this.writeList(name, clip, index, 0, [last]);
    const listFormat = (await this.containerOf(segmentFile(index, 0, last))) ?? 'mpegts';
    return this.lastPicture(concatenated(name, listFormat), video);
  }

  private async lastPicture(args: string[], video: ProbedStream): Promise<number> {
    const frameUs = 1e6 / rateOf(trackOf(video, 0, NO_NAMES).frameRate ?? '25/1');
    const packets = await this.tools.packets(args, String(video.index));
    const ends = packets.map(
      (packet) => (probedUs(packet.pts_time) ?? 0) + (probedUs(packet.duration_time) ?? frameUs),
    );
    return ends.reduce((latest, end) => Math.max(latest, end), 0);
  }
}

/** MPEG-TS time stamps have 33 bits at 90 kHz. */
const TS_WRAP_US = Math.round((2 ** 33 / 90_000) * 1e6);

const NO_NAMES = { language: null, name: null };

/** Arguments that open an input of a run. */
export function opened(runInput: RunInput, options: readonly string[] = [], whole = false): string[] {
  const name = whole ? (runInput.wholeName ?? runInput.name) : runInput.name;
  return runInput.listFormat ? concatenated(name, runInput.listFormat, options) : input(name, options);
}

function leadingVideo(probed: Probed, source: string): ProbedStream {
  const [best] = bestFirst(probed);
  if (!best) throw new TaskFailure(`No video in ${source}`, { retryable: false });
  return best;
}

function bestFirst(probed: Probed): ProbedStream[] {
  return videoStreams(probed).sort(
    (a, b) => (b.height ?? 0) - (a.height ?? 0) || Number(b.bit_rate ?? 0) - Number(a.bit_rate ?? 0),
  );
}

function unreadable(error: unknown, source: string): never {
  if (!(error instanceof TaskFailure) || error.retryable || error.message.includes('not installed')) throw error;
  throw new TaskFailure(`Unreadable source: ${source}`, { retryable: false, cause: error });
}
