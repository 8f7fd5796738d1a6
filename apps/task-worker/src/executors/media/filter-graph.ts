import type { Run, RunTrack } from './capture-runs';
import { exactSeconds } from './media-time';
import { rateOf } from './track-facts';

/** Against float rounding at frame borders: the first frame is the first PTS >= start, the last one the last PTS < end (reference 2.2). */
const BORDER_US = 1_000;

/** Seconds between key frames of what is encoded here, so that segments of 4 s begin on one. */
export const KEY_FRAME_SECONDS = 2;

/** What the runs are brought to before they are joined. */
export interface OutputShape {
  /** One entry per video track: size and rate of the first run. */
  video: { width: number; height: number; frameRate: string }[];
  /** Number of audio tracks; a run with fewer gives its first, a run with none silence. */
  audioCount: number;
}

export function shapeOf(runs: readonly Run[]): OutputShape {
  const first = runs[0] as Run;
  return {
    video: first.video.map((track) => {
      const [across, down] = track.pixelAspect.split(':').map(Number) as [number, number];
      return {
        width: even((track.width * across) / down),
        height: even(track.height),
        frameRate: track.frameRate ?? '25/1',
      };
    }),
    audioCount: Math.max(...runs.map((run) => run.audio.length)),
  };
}

/** 4:2:0 pictures have even sides. */
function even(size: number): number {
  return Math.max(2, Math.floor(size / 2) * 2);
}

export function keyFrameInterval(frameRate: string): number {
  return Math.max(1, Math.round(rateOf(frameRate) * KEY_FRAME_SECONDS));
}

/**
 * The filter graph that cuts every run by absolute time stamps (the inputs keep theirs: `-copyts`), brings all to one size, rate and sound
 * format and joins them. Pads: `[v0]`, `[v1]`, ... and `[a0]`, ...
 */
export function cutAndJoin(runs: readonly Run[], shape: OutputShape): string {
  const chains: string[] = [];
  const pads: string[] = [];
  let firstInput = 0;
  runs.forEach((run, position) => {
    const place = (track: RunTrack) => `${firstInput + track.input}:${track.stream}`;
    shape.video.forEach((target, index) => {
      const track = run.video[Math.min(index, run.video.length - 1)] as RunTrack;
      chains.push(`[${place(track)}]${videoChain(run, track, target)}[r${position}v${index}]`);
      pads.push(`[r${position}v${index}]`);
    });
    for (let index = 0; index < shape.audioCount; index += 1) {
      const track = run.audio[index] ?? run.audio[0];
      chains.push(`${track ? `[${place(track)}]${audioChain(run)}` : silence(run)}[r${position}a${index}]`);
      pads.push(`[r${position}a${index}]`);
    }
    firstInput += run.inputs.length;
  });
  const outputs = [
    ...shape.video.map((_, index) => `[v${index}]`),
    ...Array.from({ length: shape.audioCount }, (_, index) => `[a${index}]`),
  ];
  chains.push(
    `${pads.join('')}concat=n=${runs.length}:v=${shape.video.length}:a=${shape.audioCount}${outputs.join('')}`,
  );
  return chains.join(';');
}

function videoChain(run: Run, track: RunTrack, { width, height, frameRate }: OutputShape['video'][number]): string {
  const from = exactSeconds(run.fromUs - BORDER_US);
  const to = exactSeconds(run.toUs - BORDER_US);
  return [
    `trim=start=${from}:end=${to}`,
    `setpts=PTS-${exactSeconds(run.fromUs)}/TB`,
    ...(track.pixelAspect === '1:1' ? [] : ["scale='trunc(iw*sar/2)*2':ih", 'setsar=1']),
    `scale=${width}:${height}:force_original_aspect_ratio=decrease`,
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`,
    'setsar=1',
    ...rateChange(run, track, frameRate),
    'format=yuv420p',
  ].join(',');
}

/**
 * Nothing when the rates are equal: every picture keeps its own time. Else `fps`, which repeats the last picture up to the time stamp
 * where its input ended; behind a trim that is the last picture that happened to be queued (measured: 0 to 3 repeats), so a
 * second trim ends the run at the picture that belongs to its length.
 */
function rateChange(run: Run, track: RunTrack, frameRate: string): string[] {
  const rate = rateOf(frameRate);
  if (Math.abs(rateOf(track.frameRate ?? '') - rate) < 1e-6) return [];
  const frames = Math.max(1, Math.round(((run.toUs - run.fromUs) / 1e6) * rate));
  return [`fps=${frameRate}`, `trim=end=${exactSeconds(((frames - 0.5) / rate) * 1e6)}`];
}

/** The same start is taken off both: each stream's own would lose the lead of the sound (reference 1.9). */
function audioChain(run: Run): string {
  const [from, to] = [exactSeconds(run.fromUs), exactSeconds(run.toUs)];
  return [
    `atrim=start=${from}:end=${to}`,
    `asetpts=PTS-${from}/TB`,
    'aresample=48000:async=1:first_pts=0',
    'aformat=channel_layouts=stereo',
    `apad=whole_dur=${exactSeconds(run.toUs - run.fromUs)}`,
  ].join(',');
}

function silence(run: Run): string {
  return `anullsrc=r=48000:cl=stereo,atrim=end=${exactSeconds(run.toUs - run.fromUs)},asetpts=PTS-STARTPTS,aformat=channel_layouts=stereo`;
}
