import { rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TaskFailure } from '@task-engine/domain';
import type { ExecutionContext } from '../executor';
import { inWorkDir } from '../work-files';
import type { Run, RunTrack } from './capture-runs';
import { ownFile, type MediaTools, type ProbedPacket } from './ffmpeg';
import { exactSeconds } from './media-time';
import { opened } from './plan-runs.handler';
import { languages, probedUs } from './track-facts';

/** Codecs an MP4 may hold and players expect in one. */
export const MP4_CODECS = new Set(['h264', 'hevc', 'av1', 'aac', 'mp3', 'ac3', 'eac3', 'opus']);

/** Whole GOPs of a plain file. */
interface Gops {
  /** Key frame to begin with, PTS in microseconds. */
  fromUs: number;
  toUs: number;
  frames: number;
}

/** Joins whole segments (HLS) or whole GOPs (files) without decoding. */
export class StreamCopy {
  constructor(
    private readonly tools: MediaTools,
    private readonly context: ExecutionContext,
  ) {}

  /** Why the runs cannot be copied one after the other; null when they can. */
  obstacle(runs: readonly Run[]): string | null {
    const tracks = runs.map((run) => [...run.video, ...run.audio]);
    const strange = tracks.flat().find((track) => !MP4_CODECS.has(track.codec));
    if (strange) return `codec ${strange.codec} does not fit into MP4`;
    const signature = (list: RunTrack[]) => list.map((track) => track.signature).join('\n');
    const differs = tracks.findIndex((list) => signature(list) !== signature(tracks[0] ?? []));
    return differs < 0 ? null : `codec parameters of clips[${runs[differs]?.clip ?? 0}] differ from those of clips[0]`;
  }

  /** Returns the PTS of the first picture, microseconds. */
  async write(runs: readonly Run[], output: string): Promise<number> {
    if (runs.length === 1) return this.copyRun(runs[0] as Run, output);
    const parts = runs.map((_, index) => `segments/.${this.context.executionId}.part${index}.mp4`);
    const list = `segments/.${this.context.executionId}.parts.txt`;
    try {
      const starts: number[] = [];
      for (const [index, run] of runs.entries()) starts.push(await this.copyRun(run, parts[index] as string));
      const lines = parts.map((part) => `file '${part.slice(dirname(list).length + 1)}'\n`).join('');
      await writeFile(inWorkDir(this.context.workDir, list), lines);
      await this.tools.ffmpeg([
        ...ownFile(list, ['-f', 'concat', '-safe', '0']),
        ...['-map', '0', '-c', 'copy'],
        ...languages(runs, runs[0]?.audio.length ?? 0),
        ...['-movflags', '+faststart', '-f', 'mp4', `file:${output}`],
      ]);
      return starts[0] ?? 0;
    } finally {
      for (const name of [...parts, list]) await rm(inWorkDir(this.context.workDir, name), { force: true });
    }
  }

  private async copyRun(run: Run, output: string): Promise<number> {
    const plain = run.inputs[0]?.listFormat === null;
    const gops = plain ? await this.gops(run) : null;
    // One start for all inputs: each input's own would move sound against picture.
    const shift = ['-itsoffset', exactSeconds(-(gops?.fromUs ?? run.firstUs))];
    const from = gops && run.inputs[0] ? ['-ss', exactSeconds(gops.fromUs - run.inputs[0].containerStartUs)] : [];
    await this.tools.ffmpeg(
      [
        ...(gops ? [] : ['-copyts']),
        ...run.inputs.flatMap((runInput) => opened(runInput, gops ? from : shift, true)),
        ...[...run.video, ...run.audio].flatMap((track) => ['-map', `${track.input}:${track.stream}`]),
        ...['-c', 'copy'],
        // A time limit alone would cut pictures in decoding order and leave holes (reference 1.9): the number of frames is exact.
        ...(gops ? ['-frames:v', String(gops.frames), '-t', exactSeconds(gops.toUs - gops.fromUs)] : []),
        ...languages([run], run.audio.length),
        ...['-avoid_negative_ts', 'make_zero', '-movflags', '+faststart', '-f', 'mp4', `file:${output}`],
      ],
      (gops ? gops.toUs - gops.fromUs : run.toUs - run.firstUs) / 1e6,
    );
    return gops?.fromUs ?? run.firstUs;
  }

  /** The GOPs that meet the wanted part: from the last key frame at or before it to the first one at or after it. */
  private async gops(run: Run): Promise<Gops> {
    const [leading] = run.video;
    const [runInput] = run.inputs;
    if (!leading || !runInput) throw new TaskFailure(`No video in ${run.source}`, { retryable: false });
    const packets = await this.tools.packets(opened(runInput), String(leading.stream));
    const times = packets.map((packet) => probedUs(packet.pts_time) ?? 0);
    const keys = packets
      .flatMap((packet, index) => (isKeyFrame(packet) ? [times[index] as number] : []))
      .sort((a, b) => a - b);
    // 1 us: both sides were rounded from decimal seconds.
    const fromUs = keys.filter((key) => key <= run.fromUs + 1).at(-1) ?? keys[0] ?? 0;
    const nextKey = keys.find((key) => key >= run.toUs - 1);
    const taken = times.filter((time) => time >= fromUs && (nextKey === undefined || time < nextKey));
    const lastUs = taken.reduce((latest, time) => Math.max(latest, time), fromUs);
    return { fromUs, toUs: nextKey ?? Math.max(run.toUs, lastUs + 1), frames: taken.length };
  }
}

function isKeyFrame({ flags }: ProbedPacket): boolean {
  return flags?.startsWith('K') ?? false;
}
