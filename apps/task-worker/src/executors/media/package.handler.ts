import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Executor } from '../executor';
import { handler } from '../handler';
import { asOutput, inWorkDir, stableGuid, writeInPlace, type AssetFile } from '../work-files';
import { combinedName } from './asset-names';
import { MediaTools, ownFile, type MediaPrograms } from './ffmpeg';
import { probedUs, trackOf, videoStreams, audioStreams } from './track-facts';

const schema = z.object({
  input: z.string().min(1),
  content_id: z.string().min(1),
  segment_seconds: z.number().positive(),
});

/** What package.cmaf tells manifests.write; both are ours. */
export const packagedMedia = z.looseObject({
  combined: z.string(),
  /** Work folder with segments, init files and media playlists. */
  work_folder: z.string(),
  /** The same below the target folder: `media_<guid>/clear`. */
  target_folder: z.string(),
  /** MPD as the muxer wrote it, in the work folder. */
  mpd: z.string(),
  /** In the order of the media playlists `media_<n>.m3u8`. */
  tracks: z.array(
    z.object({
      type: z.enum(['video', 'audio']),
      language: z.string(),
      name: z.string().nullable(),
      width: z.number(),
      height: z.number(),
      frame_rate: z.string().nullable(),
      channels: z.number(),
    }),
  ),
});
export type PackagedMedia = z.output<typeof packagedMedia>;

/** Names that demuxers give to every track; they say nothing about it. */
const GENERIC_HANDLER = /^(SoundHandler|VideoHandler|Core Media|ISO Media file produced by|Mainconcept|GPAC)/i;

/**
 * `package.cmaf`: one set of CMAF segments for HLS and DASH by stream copy (reference 2.1, package_clear). The manifests that players
 * read are written later by manifests.write: the muxer's own hold the packaging time and no language.
 */
export function packageHandler(programs: MediaPrograms): Executor {
  return handler('builtin:package.cmaf', schema, async (given, context) => {
    const tools = new MediaTools(programs, context);
    const guid = await stableGuid(context.workDir, 'media');
    const probed = await tools.probe(ownFile(given.input));
    const [video, audio] = [videoStreams(probed), audioStreams(probed)];
    const target = `media_${guid}/clear`;
    const folder = `package/${target}`;
    const mpd = 'package/manifest.mpd';
    const sets = ['id=0,streams=v', ...audio.map((_, index) => `id=${index + 1},streams=${video.length + index}`)].join(
      ' ',
    );
    await writeInPlace(inWorkDir(context.workDir, folder), context.executionId, async (temporary) => {
      await mkdir(temporary, { recursive: true });
      await tools.ffmpeg(
        [
          ...ownFile(given.input),
          ...[...video, ...audio].flatMap((stream) => ['-map', `0:${stream.index}`]),
          ...['-c', 'copy', '-f', 'dash', '-seg_duration', String(given.segment_seconds)],
          ...['-use_template', '1', '-use_timeline', '1', '-hls_playlist', '1'],
          ...[
            '-init_seg_name',
            'init_$RepresentationID$.mp4',
            '-media_seg_name',
            'seg_$RepresentationID$_$Number%05d$.m4s',
          ],
          ...['-adaptation_sets', sets, join(temporary, 'manifest.mpd')],
        ],
        (probedUs(probed.format.duration) ?? 0) / 1e6,
      );
      for (const index of [...video, ...audio].keys())
        await tools.probeOutput(join(temporary, `init_${index}.mp4`).slice(context.workDir.length + 1));
      await rm(join(temporary, 'master.m3u8'), { force: true });
      await rename(join(temporary, 'manifest.mpd'), inWorkDir(context.workDir, mpd));
    });
    const names = (await readdir(inWorkDir(context.workDir, folder))).filter((name) => !name.endsWith('.m3u8')).sort();
    const combined = combinedName(given.content_id, guid);
    const files: AssetFile[] = [
      { path: given.input, name: combined, role: 'media' },
      ...names.map((name) => ({ path: `${folder}/${name}`, name: `${target}/${name}`, role: 'media' as const })),
    ];
    const tracks: PackagedMedia['tracks'] = [...video, ...audio].map((stream) => {
      const { width, height, frameRate, language } = trackOf(stream, 0, { language: null, name: null });
      const title = stream.tags?.handler_name ?? '';
      return {
        type: stream.codec_type === 'video' ? 'video' : 'audio',
        language: language ?? 'und',
        name: title === '' || GENERIC_HANDLER.test(title) ? null : title,
        width,
        height,
        frame_rate: frameRate,
        channels: stream.channels ?? 0,
      };
    });
    return { combined, work_folder: folder, target_folder: target, mpd, tracks, files: asOutput(files) };
  });
}
