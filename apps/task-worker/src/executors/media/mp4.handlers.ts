import { writeFile } from 'node:fs/promises';
import { TaskFailure } from '@task-engine/domain';
import { z } from 'zod';
import type { Executor } from '../executor';
import { handler } from '../handler';
import { asOutput, inWorkDir, writeInPlace } from '../work-files';
import { assetPrefix } from './asset-names';
import { MediaTools, ownFile, type MediaPrograms, type Probed, type ProbedStream } from './ffmpeg';
import { pointTo, readHeadBoxes } from './mp4-boxes';
import { MP4_CODECS } from './stream-copy';
import { audioStreams, probedUs, videoStreams } from './track-facts';

/** Captions that can become mov_text; pictures of text cannot. */
const TEXT_CODECS = new Set(['mov_text', 'subrip', 'srt', 'webvtt', 'ass', 'ssa', 'text']);

/** The MP4 side of an asset: download file, reference file and metadata (reference 2.1, 2.5). */
export function mp4Handlers(programs: MediaPrograms): Executor[] {
  return [
    handler(
      'builtin:mp4.create',
      z.object({ input: z.string().min(1), all_tracks: z.boolean().default(false), filename: z.string().min(1) }),
      async ({ input, all_tracks: allTracks, filename }, context) => {
        const tools = new MediaTools(programs, context);
        const probed = await tools.probe(ownFile(input));
        const chosen = chooseTracks(probed, allTracks);
        const path = `mp4/${filename}`;
        await writeInPlace(inWorkDir(context.workDir, path), context.executionId, async (temporary) => {
          const name = temporary.slice(context.workDir.length + 1);
          const seconds = (probedUs(probed.format.duration) ?? 0) / 1e6;
          await tools.ffmpeg(
            [...ownFile(input), ...chosen, '-movflags', '+faststart', '-f', 'mp4', `file:${name}`],
            seconds,
          );
          await tools.probeOutput(name);
        });
        return { filename, files: asOutput([{ path, name: filename, role: 'media' }]) };
      },
    ),

    handler(
      'builtin:mp4.dref',
      z.object({ input: z.string().min(1), combined: z.string().min(1) }),
      async ({ input, combined }, context) => {
        const boxes = await readHeadBoxes(inWorkDir(context.workDir, input));
        if (!boxes) throw new TaskFailure(`${context.taskName}: ${input} has no moov box`, { retryable: false });
        const filename = `${combined.replace(/\.mp4$/, '')}_dref.mp4`;
        const bytes = Buffer.concat([boxes.ftyp, pointTo(boxes.moov, encodeURI(combined))]);
        await writeInPlace(inWorkDir(context.workDir, filename), context.executionId, (temporary) =>
          writeFile(temporary, bytes),
        );
        return { filename, files: asOutput([{ path: filename, name: filename, role: 'media' }]) };
      },
    ),

    handler(
      'builtin:probe.metadata',
      z.object({ input: z.string().min(1), content_id: z.string().min(1) }),
      async ({ input, content_id: contentId }, context) => {
        const probed = await new MediaTools(programs, context).probe(ownFile(input));
        const filename = `${assetPrefix(contentId)}_metadata.json`;
        // The name in the work folder means nothing to a reader.
        const shown = { ...probed, format: { ...probed.format, filename: `${assetPrefix(contentId)}.mp4` } };
        const text = `${JSON.stringify(shown, null, 2)}\n`;
        await writeInPlace(inWorkDir(context.workDir, filename), context.executionId, (temporary) =>
          writeFile(temporary, text),
        );
        const duration = Math.round(videoDurationUs(probed) / 1000) / 1000;
        return { duration, files: asOutput([{ path: filename, name: filename, role: 'side' }]) };
      },
    ),
  ];
}

/** Length of the longest video track without its start time; of the container when there is no video. */
export function videoDurationUs(probed: Probed): number {
  const whole = probedUs(probed.format.duration) ?? 0;
  const tracks = videoStreams(probed).map(
    (stream) => probedUs(stream.duration) ?? whole - (probedUs(stream.start_time) ?? 0),
  );
  return tracks.length > 0 ? Math.max(...tracks) : whole;
}

/** `-map` and codec arguments: best video and best audio, or all; always the captions. What MP4 cannot hold is encoded. */
function chooseTracks(probed: Probed, allTracks: boolean): string[] {
  const video = videoStreams(probed).sort((a, b) => (b.height ?? 0) - (a.height ?? 0) || bitRate(b) - bitRate(a));
  const audio = audioStreams(probed).sort(
    (a, b) => Number(b.disposition?.default ?? 0) - Number(a.disposition?.default ?? 0) || bitRate(b) - bitRate(a),
  );
  const keep = (list: ProbedStream[]) => (allTracks ? [...list].sort((a, b) => a.index - b.index) : list.slice(0, 1));
  const media = [...keep(video), ...keep(audio)];
  const captions = probed.streams.filter(
    (stream) => stream.codec_type === 'subtitle' && TEXT_CODECS.has(stream.codec_name ?? ''),
  );
  const codecs = media.flatMap((stream, index) => {
    const encoder = stream.codec_type === 'video' ? 'libx264' : 'aac';
    return [`-c:${index}`, MP4_CODECS.has(stream.codec_name ?? '') ? 'copy' : encoder];
  });
  return [...[...media, ...captions].flatMap((stream) => ['-map', `0:${stream.index}`]), '-c:s', 'mov_text', ...codecs];
}

function bitRate(stream: ProbedStream): number {
  return Number(stream.bit_rate ?? 0);
}
